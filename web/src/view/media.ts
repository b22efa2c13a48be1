/**
 * What a person has told the browser or the system about how pages should look and move.
 */

"use client";

import { useCallback, useSyncExternalStore } from "react";
import type { ThemeName } from "../xterm/index.ts";

/** Whether a media query holds, now and whenever that changes. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    [query],
  );
  return useSyncExternalStore(
    subscribe,
    () => window.matchMedia(query).matches,
    () => false,
  );
}

/** The palette that fits the system, or the one that is asked for. */
export function useThemeName(theme: ThemeName | "system"): ThemeName {
  const contrast = useMedia("(prefers-contrast: more)");
  const light = useMedia("(prefers-color-scheme: light)");
  if (theme !== "system") return theme;
  return contrast ? "contrast" : light ? "light" : "dark";
}
