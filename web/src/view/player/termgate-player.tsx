/**
 * Plays a session's recording, with its marks and a search in what was printed beside it. The emulator is asciinema's,
 * which is loaded with the first recording.
 */

"use client";

import type { Player } from "asciinema-player";
import { useEffect, useMemo, useRef, useState } from "react";
import type { TokenSource } from "../../core/index.ts";
import type { ThemeName } from "../../xterm/index.ts";
import { useThemeName } from "../media.ts";
import { PLAYER_STYLE } from "./player-style.ts";
import { clock, MAX_HITS, type Mark, RecordingText } from "./recording.ts";
import { useRecording } from "./use-recording.ts";

/** Silence that is played where idle time is skipped, in seconds. */
const SHORT_SILENCE = 2;
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
  const { cast, error, retry } = useRecording(props);
  const [speed, setSpeed] = useState(1);
  const [skips, setSkips] = useState(true);
  const [words, setWords] = useState("");
  const text = useMemo(() => cast && new RecordingText(cast, skips ? SHORT_SILENCE : undefined), [cast, skips]);
  const hits = useMemo(() => (text ? text.search(words) : []), [text, words]);
  const { screen, seek, failed } = usePlayer(cast, speed, skips);
  const problem = error ?? failed;
  return (
    <section className="tg-player" aria-label={label} data-theme={themeName}>
      <style href="termgate-player" precedence="termgate" nonce={nonce}>
        {PLAYER_STYLE}
      </style>
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
        {!cast && !problem && <p role="status">Loading the recording…</p>}
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
            <input type="checkbox" checked={skips} onChange={(event) => setSkips(event.target.checked)} /> Skip silence
          </label>
        </div>
        <input
          type="search"
          aria-label="Search in what was printed"
          placeholder="Search in what was printed"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        {words.trim() !== "" && (
          <p role="status">
            {hits.length === MAX_HITS
              ? `The first ${MAX_HITS} hits`
              : `${hits.length} ${hits.length === 1 ? "hit" : "hits"}`}
          </p>
        )}
        <ol>
          {(words.trim() === "" ? (text ? text.marks : []) : hits).map((mark, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a place has no other identity, and no state
            <Place key={`${index}-${mark.time}`} mark={mark} seek={seek} />
          ))}
        </ol>
      </aside>
    </section>
  );
}

/** A place that a click seeks to. Its label is the recording's text. */
function Place({ mark, seek }: { mark: Mark; seek: (time: number) => void }) {
  return (
    <li>
      <button type="button" onClick={() => seek(mark.time)}>
        <span>{clock(mark.time)}</span> <bdi>{mark.label}</bdi>
      </button>
    </li>
  );
}

/** Asciinema's player in an element; a change of the speed goes on at the same place. */
function usePlayer(cast: string | null, speed: number, skips: boolean) {
  const screen = useRef<HTMLDivElement>(null);
  const player = useRef<Player | null>(null);
  const place = useRef({ skips, time: 0 });
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    const host = screen.current;
    if (!cast || !host) return;
    let made: Player | undefined;
    let gone = false;
    // With other silences, times are others.
    const startAt = place.current.skips === skips ? place.current.time : 0;
    import("asciinema-player").then(
      ({ create }) => {
        if (gone) return;
        const silence = skips ? { idleTimeLimit: SHORT_SILENCE } : { idleTimeLimit: 1e9 };
        made = create({ data: cast }, host, { fit: "both", preload: true, controls: true, speed, startAt, ...silence });
        player.current = made;
      },
      () => setFailed("The player cannot be loaded."),
    );
    return () => {
      gone = true;
      place.current = { skips, time: made?.getCurrentTime() ?? 0 };
      made?.dispose();
      player.current = null;
    };
  }, [cast, speed, skips]);
  const seek = (time: number) => void player.current?.seek(time);
  return { screen, seek, failed };
}
