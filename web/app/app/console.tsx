/**
 * The terminal and the line below it.
 */

"use client";

import { useCallback, useEffect } from "react";
import { type OpenTerminal, TerminalView, useTerminalApiGateway } from "../../src/index.ts";
import type { Access } from "./access.ts";
import { StatusLine } from "./status-line.tsx";
import { THEME } from "./theme.ts";

/** Browser tests and curious people read the screen through it. */
declare global {
  interface Window {
    termgate?: { terminal: OpenTerminal["terminal"] | null };
  }
}

const OPTIONS = { theme: THEME };

export function Console({ access }: { access: Access }) {
  const { client, state, reconnect } = useTerminalApiGateway(access);

  const onOpen = useCallback((opened: OpenTerminal | null) => {
    window.termgate = { terminal: opened?.terminal ?? null };
    opened?.terminal.focus();
  }, []);

  useEffect(() => {
    document.title = state.title ? `${state.title} – Termgate` : "Termgate";
  }, [state.title]);

  return (
    <main className="console">
      <div className="screen">
        <TerminalView client={client} options={OPTIONS} onOpen={onOpen} />
      </div>
      <StatusLine state={state} sessionId={access.sessionId} onReconnect={reconnect} />
    </main>
  );
}
