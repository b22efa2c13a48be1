/**
 * The height that a telephone's keyboard leaves. Some browsers shrink the page for it; on others only `visualViewport` says, and
 * the prompt would lie below the keyboard.
 */

"use client";

import { useEffect } from "react";

/** Keeps `--visible-height` of the page. */
export function useVisibleHeight(): void {
  useEffect(() => {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const { style } = document.documentElement;
    const follow = () => {
      // Zoomed in with two fingers, people look at a part of the page, which stays as it is.
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
