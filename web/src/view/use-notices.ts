/**
 * What a person should know: for a moment in the status line, or until they have seen it, above the terminal.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import type { ClientErrorCode, TerminalClient } from "../core/index.ts";

/** Failures that a person must know of although the terminal is well: what they typed is not where they think. */
const NOTABLE: readonly ClientErrorCode[] = ["INPUT_DISCARDED", "INPUT_FULL"];
const NOTICE_MS = 10_000;

/** What to show. */
export interface Notices {
  /** For the status line; empty for none. */
  passing: string;
  /** For the banner. */
  lasting: string | null;
  dismiss(): void;
  /** Says something for a moment. */
  say(text: string): void;
}

export function useNotices(client: TerminalClient): Notices {
  const [passing, say] = useState("");
  const [lasting, setLasting] = useState<string | null>(null);

  useEffect(() => {
    const stops = [
      client.onError((error) => NOTABLE.includes(error.code) && say(error.message)),
      client.onNotice(({ kind, text }) => (kind === "restarted" ? setLasting(text) : say(text))),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [client]);

  useEffect(() => {
    if (!passing) return;
    const timer = setTimeout(() => say(""), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [passing]);

  const dismiss = useCallback(() => setLasting(null), []);
  return { passing, lasting, dismiss, say };
}
