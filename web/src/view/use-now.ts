/**
 * The time, for what counts down to a moment: renders only when what is shown would change.
 */

"use client";

import { useEffect, useState } from "react";
import { nextTick } from "./duration.ts";

/** Now, in ms since 1970; renders again as long as one of the moments is to come. */
export function useNow(...moments: ReadonlyArray<number | null | undefined>): number {
  const [now, setNow] = useState(() => Date.now());
  const first = Math.min(...moments.map((moment) => (moment ? moment : Number.POSITIVE_INFINITY)));
  useEffect(() => {
    if (!Number.isFinite(first)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      const time = Date.now();
      setNow(time);
      const wait = nextTick(first, time);
      if (wait !== null) timer = setTimeout(look, wait);
    };
    look();
    return () => clearTimeout(timer);
  }, [first]);
  return now;
}
