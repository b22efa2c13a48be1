/**
 * A value once it has lasted for a while, so that what passes at once is not shown.
 */

"use client";

import { useEffect, useState } from "react";

/** The last value that lasted for `ms`. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
