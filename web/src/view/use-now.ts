/**
 * The current time for countdowns; renders only when the shown text changes.
 */

"use client";

import { useEffect, useState } from "react";
import { nextTick } from "./duration.ts";

/** Now, in ms since 1970; updated until the first of the moments. */
export function useNow(...moments: ReadonlyArray<number | null | undefined>): number {
  // A server renders no countdown, and may not look at a clock.
  const [now, setNow] = useState(() => (typeof window === "undefined" ? 0 : Date.now()));
  const first = Math.min(...moments.map((moment) => moment || Number.POSITIVE_INFINITY));
  useEffect(() => {
    if (!Number.isFinite(first)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = () => {
      const time = Date.now();
      setNow(time);
      const wait = nextTick(first, time);
      if (wait !== null) timer = setTimeout(update, wait);
    };
    update();
    return () => clearTimeout(timer);
  }, [first]);
  return now;
}
