/**
 * The height above a touch keyboard. Some browsers shrink the page; in others only `visualViewport` reports it, and the
 * prompt would be hidden behind the keyboard.
 */

"use client";

import { useEffect } from "react";

/** Updates the CSS variable `--visible-height`. */
export function useVisibleHeight(): void {
  useEffect(() => {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const { style } = document.documentElement;
    const follow = () => {
      // While the user has zoomed in, the layout stays as it is.
      if (viewport.scale === 1) style.setProperty("--visible-height", `${viewport.height}px`);
    };
    follow();
    viewport.addEventListener("resize", follow);
    return () => {
      viewport.removeEventListener("resize", follow);
      style.removeProperty("--visible-height");
    };
  }, []);
}
