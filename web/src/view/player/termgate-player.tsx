/**
 * Plays a session's recording, with its marks and a search in what was printed beside it. The emulator is asciinema's,
 * which is loaded with the first recording.
 */

"use client";

import { useDeferredValue, useMemo, useState } from "react";
import type { TokenSource } from "../../core/index.ts";
import type { ThemeName } from "../../xterm/index.ts";
import { useThemeName } from "../media.ts";
import { PLAYER_STYLE } from "./player-style.ts";
import { MAX_MARKS } from "./read-recording.ts";
import { clock, MAX_HITS, type Mark } from "./recording.ts";
import { SHORT_SILENCE, usePlayer } from "./use-player.ts";
import { useRecording } from "./use-recording.ts";

const SPEEDS = [0.5, 1, 2, 4, 8];

export interface TermgatePlayerProps {
  /** `https://…` of the terminal service. */
  url: string;
  sessionId: string;
  /** A token of the session's owner, of an instructor of its group, or of an operator; or a function that fetches one. */
  token: TokenSource;
  /** Start of the recording, in ms since 1970; the latest one by default. */
  started?: number;
  theme?: ThemeName | "system";
  /** Names the region for screen readers; "Recording" by default. */
  label?: string;
  /** For a content security policy, which must allow `wasm-unsafe-eval` too. */
  nonce?: string | undefined;
}

/** Fills its parent. The page imports `asciinema-player/dist/bundle/asciinema-player.css`. */
export function TermgatePlayer(props: TermgatePlayerProps) {
  const { theme = "system", label = "Recording", nonce } = props;
  const themeName = useThemeName(theme);
  const { recording, length, isWhole, error, retry } = useRecording(props);
  const [speed, setSpeed] = useState(1);
  const [skips, setSkips] = useState(true);
  const [words, setWords] = useState("");
  // Typing goes on while a long recording is searched.
  const wanted = useDeferredValue(words.trim());
  const times = useMemo(() => recording?.times(skips ? SHORT_SILENCE : undefined) ?? [], [recording, skips]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a recording grows in place
  const hits = useMemo(() => recording?.search(wanted) ?? [], [recording, wanted, length, isWhole]);
  const { screen, seek, failed } = usePlayer(recording, times, speed, `${length} ${isWhole}`);
  const marks = recording?.marks ?? [];
  const problem = error ?? failed;
  return (
    <section className="tg-player" aria-label={label} data-theme={themeName}>
      <style href="termgate-player" precedence="termgate" nonce={nonce}>
        {PLAYER_STYLE}
      </style>
      <div className="tg-player-parts">
        <div className="tg-player-screen">
          <div ref={screen} className="tg-player-fill" />
          {problem && (
            <p role="alert">
              {problem}{" "}
              <button type="button" onClick={retry}>
                Try again
              </button>
            </p>
          )}
          {recording === null && !problem && <p role="status">Loading the recording…</p>}
        </div>
        <aside className="tg-player-side">
          <div className="tg-player-controls">
            <label>
              Speed{" "}
              <select value={speed} onChange={(event) => setSpeed(Number(event.target.value))}>
                {SPEEDS.map((value) => (
                  <option key={value} value={value}>
                    {value}×
                  </option>
                ))}
              </select>
            </label>
            <label>
              <input type="checkbox" checked={skips} onChange={(event) => setSkips(event.target.checked)} /> Skip
              silence
            </label>
          </div>
          <input
            type="search"
            aria-label="Search in what was printed"
            placeholder="Search in what was printed"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          {recording !== null && !isWhole && (
            <p role="status">The rest is loading. You can play and search the part that is here.</p>
          )}
          <output>
            {wanted !== "" && countOf(hits)}
            {wanted === "" && marks.length >= MAX_MARKS && `The first ${MAX_MARKS} marks. Search finds the others.`}
          </output>
          <ol>
            {(wanted === "" ? marks : hits).map((mark, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a place has no other identity, and no state
              <Place key={`${index}-${mark.event}`} time={times[mark.event] ?? 0} label={mark.label} seek={seek} />
            ))}
          </ol>
        </aside>
      </div>
    </section>
  );
}

function countOf({ length }: readonly Mark[]): string {
  return length === MAX_HITS ? `The first ${MAX_HITS} hits` : `${length} ${length === 1 ? "hit" : "hits"}`;
}

interface PlaceProps {
  /** In seconds from the start, by the player's clock, which may shorten silence. */
  time: number;
  /** The recording's text. */
  label: string;
  seek: (time: number) => void;
}

/** A place that a click seeks to. */
function Place({ time, label, seek }: PlaceProps) {
  return (
    <li>
      <button type="button" onClick={() => seek(time)}>
        <span>{clock(time)}</span> <bdi>{label}</bdi>
      </button>
    </li>
  );
}
