/**
 * The user's display preferences, from media queries.
 */

"use client";

import { useCallback, useSyncExternalStore } from "react";
import type { ThemeName } from "../xterm/index.ts";

/** True while a media query matches. */
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

/** Resolves `system` to the theme that fits the preferences. */
export function useThemeName(theme: ThemeName | "system"): ThemeName {
  const contrast = useMedia("(prefers-contrast: more)");
  const light = useMedia("(prefers-color-scheme: light)");
  if (theme !== "system") return theme;
  return contrast ? "contrast" : light ? "light" : "dark";
}
