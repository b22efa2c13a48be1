/**
 * Keeps the terminal above a touch keyboard that covers the page. Where the browser shrinks the page instead, nothing is
 * covered, and nothing happens.
 */

"use client";

import { type RefObject, useEffect } from "react";

/** Less than this covered is a bar of the browser and no keyboard; in pixels. */
const MIN_KEYBOARD = 100;
/** This much of the terminal stays, however little room there is; in pixels. */
const MIN_TERMINAL = 120;

export function useSoftKeyboard(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = root.current;
    const viewport = window.visualViewport;
    if (!element || !viewport) return;
    const end = new AbortController();
    const follow = () => {
      // While the user has zoomed in, the layout stays as it is.
      if (viewport.scale !== 1) return;
      const focused = element.contains(document.activeElement);
      const page = document.documentElement.clientHeight;
      const covered = focused ? coveredHeight(element.getBoundingClientRect(), viewport, page) : 0;
      element.style.paddingBottom = covered > 0 ? `${covered}px` : "";
    };
    const options = { signal: end.signal };
    viewport.addEventListener("resize", follow, options);
    viewport.addEventListener("scroll", follow, options);
    element.addEventListener("focusin", follow, options);
    // Another element of the terminal may get the focus.
    element.addEventListener("focusout", () => queueMicrotask(follow), options);
    return () => {
      end.abort();
      element.style.paddingBottom = "";
    };
  }, [root]);
}

/** The height of a box that a keyboard covers, in pixels; `page` is the height of the page's window without a keyboard. */
export function coveredHeight(
  { bottom, height }: Pick<DOMRect, "bottom" | "height">,
  viewport: Pick<VisualViewport, "offsetTop" | "height">,
  page: number,
): number {
  if (page - viewport.height < MIN_KEYBOARD) return 0;
  const covered = bottom - (viewport.offsetTop + viewport.height);
  return Math.round(Math.max(0, Math.min(covered, height - MIN_TERMINAL)));
}
