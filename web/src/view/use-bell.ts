/**
 * The visual bell: the frame lights up, at most once a second.
 */

"use client";

import { type RefObject, useCallback, useEffect, useRef } from "react";

const FLASH_MS = 250;
/** WCAG allows three flashes a second. */
const MIN_INTERVAL_MS = 1000;

/** Returns a function that rings without rendering, since a program may ring thousands of times. */
export function useBell(root: RefObject<HTMLElement | null>): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    const element = root.current;
    if (!element || performance.now() - last.current < MIN_INTERVAL_MS) return;
    last.current = performance.now();
    element.dataset.bell = "";
    timer.current = setTimeout(() => delete element.dataset.bell, FLASH_MS);
  }, [root]);
}
