/**
 * The user's preferences, kept in local storage.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import type { ThemeName } from "../../src/index.ts";

export interface Preferences {
  theme: ThemeName | "system";
  /** In pixels. */
  fontSize: number;
  copyOnSelect: boolean;
  screenReader: boolean;
  /** Read when a terminal opens. */
  marksCommands: boolean;
  /** The tab's title is the shell's directory, in place of what programs set. */
  titleIsDirectory: boolean;
  /** On a Mac: Option is the Meta key. */
  macOptionIsMeta: boolean;
}

const DEFAULT: Preferences = {
  theme: "system",
  fontSize: 14,
  copyOnSelect: false,
  screenReader: false,
  marksCommands: false,
  titleIsDirectory: false,
  macOptionIsMeta: false,
};
const STORED = "termgate.preferences";

export function usePreferences(): [Preferences, (change: Partial<Preferences>) => void] {
  const [preferences, setPreferences] = useState(DEFAULT);
  useEffect(() => setPreferences(read()), []);
  const change = useCallback((some: Partial<Preferences>) => {
    setPreferences((old) => {
      const next = { ...old, ...some };
      localStorage.setItem(STORED, JSON.stringify(next));
      return next;
    });
  }, []);
  return [preferences, change];
}

function read(): Preferences {
  try {
    return { ...DEFAULT, ...(JSON.parse(localStorage.getItem(STORED) ?? "{}") as Partial<Preferences>) };
  } catch {
    return DEFAULT;
  }
}
