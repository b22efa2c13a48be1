/**
 * A client's state as React state.
 */

"use client";

import { useCallback, useSyncExternalStore } from "react";
import { INITIAL_STATE, type TerminalClient, type TerminalState } from "../core/index.ts";

/** Replaces INITIAL_STATE, on a server and before the first effect: a mounted component is about to connect. */
const CONNECTING: TerminalState = { ...INITIAL_STATE, status: "connecting" };

export function useTerminalState(client: TerminalClient): TerminalState {
  return useSyncExternalStore(
    useCallback((changed) => client.subscribe(changed), [client]),
    () => (client.state === INITIAL_STATE ? CONNECTING : client.state),
    () => CONNECTING,
  );
}
