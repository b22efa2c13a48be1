/**
 * The terminal and the line below it.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import {
  type ClientErrorCode,
  type OpenTerminal,
  type TerminalClient,
  type TerminalError,
  type TerminalNotice,
  TerminalView,
  useTerminalApiGateway,
} from "../../src/index.ts";
import type { Access } from "./access.ts";
import { StatusLine } from "./status-line.tsx";
import { THEME } from "./theme.ts";
import { findTimes } from "./times.ts";

/** Browser tests and curious people read the screen through it. */
declare global {
  interface Window {
    termgate?: { terminal: OpenTerminal["terminal"] | null; client: TerminalClient };
  }
}

const OPTIONS = { theme: THEME };
/** What a person must know although the terminal is well: what they typed is not where they think. */
const NOTABLE: readonly ClientErrorCode[] = ["INPUT_DISCARDED", "INPUT_FULL"];
const NOTICE_MS = 10_000;

export function Console({ access }: { access: Access }) {
  const [notice, setNotice] = useState("");
  const onError = useCallback((error: TerminalError) => {
    if (NOTABLE.includes(error.code)) setNotice(error.message);
  }, []);
  const onNotice = useCallback(({ text }: TerminalNotice) => setNotice(text), []);
  const {
    client,
    terminal: state,
    reconnect,
  } = useTerminalApiGateway({ ...access, onError, onNotice, times: findTimes() });

  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => setNotice(""), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice]);

  const onOpen = useCallback(
    (opened: OpenTerminal | null) => {
      window.termgate = { terminal: opened?.terminal ?? null, client };
      opened?.terminal.focus();
    },
    [client],
  );

  useEffect(() => {
    document.title = state.title ? `${state.title} – Termgate` : "Termgate";
  }, [state.title]);

  return (
    <main className="console">
      <div className="screen">
        <TerminalView client={client} options={OPTIONS} onOpen={onOpen} />
      </div>
      <StatusLine state={state} notice={notice} sessionId={access.sessionId} onReconnect={reconnect} />
    </main>
  );
}
