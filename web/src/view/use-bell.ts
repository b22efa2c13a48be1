/**
 * The bell, for the eye: the frame lights up. Never faster than a person can bear, and never blinking.
 */

"use client";

import { type RefObject, useCallback, useEffect, useRef } from "react";

/** How long the frame is lit, and the least time between two bells, in ms. WCAG allows three flashes a second. */
const LIT_MS = 250;
const APART_MS = 1000;

/** Rings it. What it changes is an attribute, since a program may ring thousands of times. */
export function useBell(root: RefObject<HTMLElement | null>): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    const element = root.current;
    if (!element || performance.now() - last.current < APART_MS) return;
    last.current = performance.now();
    element.dataset.bell = "";
    timer.current = setTimeout(() => delete element.dataset.bell, LIT_MS);
  }, [root]);
}
