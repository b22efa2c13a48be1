/**
 * Notices: shown for a moment in the status line, or in a banner until dismissed.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import type { ClientErrorCode, TerminalClient } from "../core/index.ts";
import { problemOf } from "./problems.ts";
import { useReset } from "./use-reset.ts";
import { refusalOf } from "./words.ts";

/** Errors that the state does not show: input did not reach the shell. */
const SHOWN_ERRORS: readonly ClientErrorCode[] = ["INPUT_DISCARDED", "INPUT_FULL", "READ_ONLY"];
const NOTICE_MS = 10_000;

export interface Notices {
  /** For the status line; empty if none. */
  transient: string;
  /** For the banner. */
  banner: string | null;
  dismiss(): void;
  /** Shows a text in the status line for a moment. */
  show(text: string): void;
}

export function useNotices(client: TerminalClient): Notices {
  const [transient, show] = useState("");
  const [banner, setBanner] = useState<string | null>(null);
  useReset(client, () => {
    show("");
    setBanner(null);
  });

  useEffect(() => {
    const stops = [
      client.onError((error) => SHOWN_ERRORS.includes(error.code) && show(problemOf(error))),
      client.onMessage((message) => {
        const refusal = refusalOf(message);
        if (refusal) show(refusal);
      }),
      client.onNotice(({ kind, text }) => (kind === "restarted" ? setBanner(text) : show(text))),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [client]);

  useEffect(() => {
    if (!transient) return;
    const timer = setTimeout(() => show(""), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [transient]);

  const dismiss = useCallback(() => setBanner(null), []);
  return { transient, banner, dismiss, show };
}
