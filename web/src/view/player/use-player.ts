/**
 * Asciinema's player in an element. Its speed and its silences are fixed when it is made, so another one takes its place
 * for each change, and goes on where it was.
 */

"use client";

import type { Player, Source } from "asciinema-player";
import { type RefObject, useEffect, useRef, useState } from "react";
import { type DriverHost, KeyframeDriver } from "./keyframe-driver.ts";
import { lastUpTo, type Recording } from "./recording.ts";

/** Silence that is played where silence is skipped, in seconds. */
export const SHORT_SILENCE = 2;
/** Sought this much later: the player adds its times up in another order, and shows what happens up to a time. In seconds. */
const ROUNDING = 0.001;

/** Where a player is. */
interface Place {
  /** In seconds from the start, by a clock that shows these times of the events. */
  time: number;
  times: readonly number[];
  plays: boolean;
}

const START: Place = { time: 0, times: [], plays: false };

interface RunningPlayer {
  /** The element that it fills. */
  screen: RefObject<HTMLDivElement | null>;
  seek(time: number): void;
  /** Why nothing is played, for a person. */
  failed: string | null;
}

/** `times` are those of the recording's events, which both grow; `seen` says how far they have. */
export function usePlayer(
  recording: Recording | null,
  times: readonly number[],
  speed: number,
  seen: unknown,
): RunningPlayer {
  const screen = useRef<HTMLDivElement>(null);
  const player = useRef<Player | null>(null);
  const driver = useRef<KeyframeDriver | null>(null);
  /** Where the next player begins. */
  const place = useRef(START);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    const host = screen.current;
    setFailed(null);
    if (recording === null) place.current = START;
    if (recording === null || !host) return;
    place.current = { ...place.current, time: moved(place.current, times), times };
    let made: Player | undefined;
    // Until it is there, its own time is none.
    let isThere = false;
    let gone = false;
    const open = async () => {
      const { create } = await import("asciinema-player");
      if (gone) return;
      // It takes a driver, too, but its types do not say so.
      const drive = (host: DriverHost) => {
        driver.current = new KeyframeDriver(host, recording, times, speed);
        return driver.current;
      };
      made = create(drive as unknown as Source, host, { fit: "both", controls: true });
      player.current = made;
      const { time, plays } = place.current;
      host.toggleAttribute("data-sought", time > 0);
      const note = (plays: boolean) => () => {
        if (!gone) place.current = { ...place.current, plays };
      };
      made.addEventListener("play", note(true));
      made.addEventListener("pause", note(false));
      made.addEventListener("ended", note(false));
      if (time > 0) await made.seek(time);
      isThere = true;
      if (plays && !gone) await made.play();
    };
    open().catch(() => gone || setFailed("The player cannot be loaded."));
    return () => {
      gone = true;
      if (made && isThere) place.current = { ...place.current, time: made.getCurrentTime() };
      made?.dispose();
      player.current = null;
      driver.current = null;
    };
  }, [recording, times, speed]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the driver reads what has come by itself
  useEffect(() => driver.current?.grew(), [seen]);
  const seek = (time: number) => {
    place.current = { ...place.current, time: time + ROUNDING };
    screen.current?.toggleAttribute("data-sought", true);
    // One that fails says so, and one that is replaced leaves it to the next.
    player.current?.seek(time + ROUNDING).catch(() => {});
  };
  return { screen, seek, failed };
}

/** The time of a place by a clock with other silences: as long after the event before it, if that silence is as long. */
function moved({ time, times }: Place, others: readonly number[]): number {
  if (times === others) return time;
  const event = lastUpTo(times, time);
  const since = time - (times[event] ?? 0);
  return Math.min((others[event] ?? 0) + since, others[event + 1] ?? Number.POSITIVE_INFINITY);
}
