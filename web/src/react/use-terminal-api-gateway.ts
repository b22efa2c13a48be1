/**
 * The terminal as a React hook. Bytes never pass through React state: they go from the client to the emulator, and what is kept
 * here changes only when a person would see it.
 */

"use client";

import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import {
  type CommandResult,
  INITIAL_STATE,
  TerminalClient,
  type TerminalError,
  type TerminalMessage,
  type TerminalNotice,
  type TerminalSink,
  type TerminalState,
  type Times,
  type TokenSource,
} from "../core/index.ts";

/** What the page hands in. Callbacks may change with every render. */
export interface TerminalApiGatewayOptions {
  sessionId: string;
  /** A new text is put to use at once, unnoticed; a function is asked for a fresh one before each connection. */
  token: TokenSource;
  /** By default `NEXT_PUBLIC_WS_URL`, and without it `/terminal` of the address that served the page. */
  url?: string | undefined;
  /** Hears output as bytes, events and replies, in order and once. */
  onMessage?: ((message: TerminalMessage) => void) | undefined;
  onConnect?: (() => void) | undefined;
  /** Left the connected state: lost, ended or unmounted. */
  onDisconnect?: (() => void) | undefined;
  /** Hears of every failure, also of those that heal. */
  onError?: ((error: TerminalError) => void) | undefined;
  /** Hears what a person should know although nothing is wrong: output was skipped, the shell is another one. */
  onNotice?: ((notice: TerminalNotice) => void) | undefined;
  /** Other times than API Gateway asks for; read when the terminal is made. */
  times?: Partial<Times> | undefined;
}

/** What the page gets. */
export interface TerminalApiGateway {
  isConnected: boolean;
  /** Runs one command line in the session's shell. */
  executeCommand(command: string): Promise<CommandResult>;
  /** The window's size in characters. */
  resizeTerminal(cols: number, rows: number): void;
  /** What went wrong last; null once it is well again. */
  error: TerminalError | null;
  /** Everything else that a page may show. */
  state: TerminalState;
  /** Shows output in an emulator; the answer takes it away. For xterm.js, load a `TermgateAddon` with `client` instead. */
  attach(sink: TerminalSink): () => void;
  /** Connects at once, instead of waiting for the next attempt or after a refusal. */
  reconnect(): void;
  client: TerminalClient;
}

/** A terminal over API Gateway, connected while the component is mounted. */
export function useTerminalApiGateway(options: TerminalApiGatewayOptions): TerminalApiGateway {
  const { sessionId, token, url } = options;
  const first = useRef(options);
  const client = useMemo(() => {
    const { token, times } = first.current;
    return new TerminalClient({ url: url ?? defaultUrl(), sessionId, token, times });
  }, [url, sessionId]);

  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => client.setToken(token), [client, token]);

  useEffect(() => {
    let connected = false;
    const follow = () => {
      const now = client.state.status === "connected";
      if (now === connected) return;
      connected = now;
      if (now) latest.current.onConnect?.();
      else latest.current.onDisconnect?.();
    };
    const stops = [
      client.subscribe(follow),
      client.onMessage((message) => latest.current.onMessage?.(message)),
      client.onError((error) => latest.current.onError?.(error)),
      client.onNotice((notice) => latest.current.onNotice?.(notice)),
    ];
    client.connect();
    return () => {
      client.disconnect();
      for (const stop of stops) stop();
    };
  }, [client]);

  const state = useSyncExternalStore(
    useCallback((changed) => client.subscribe(changed), [client]),
    () => client.state,
    () => INITIAL_STATE,
  );

  const executeCommand = useCallback((command: string) => client.executeCommand(command), [client]);
  const resizeTerminal = useCallback((cols: number, rows: number) => client.resize(cols, rows), [client]);
  const attach = useCallback((sink: TerminalSink) => client.attach(sink), [client]);
  const reconnect = useCallback(() => client.connect(), [client]);
  const { error } = state;
  const isConnected = state.status === "connected";
  return { isConnected, executeCommand, resizeTerminal, error, state, attach, reconnect, client };
}

/** Called while rendering, on the server too, where nothing will connect. */
function defaultUrl(): string {
  const configured = typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_WS_URL;
  if (configured) return configured;
  return typeof window === "undefined" ? "ws://localhost/terminal" : new URL("/terminal", window.location.href).href;
}
