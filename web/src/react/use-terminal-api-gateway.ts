/**
 * The terminal as a React hook. Bytes never pass through React state: they go from the client to the emulator, and what is kept
 * here changes only when a person would see it.
 */

"use client";

import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import {
  type CommandResult,
  type Diagnostics,
  INITIAL_STATE,
  type Latency,
  type Status,
  TerminalClient,
  type TerminalError,
  type TerminalMessage,
  type TerminalNotice,
  type TerminalSink,
  type TerminalState,
  type Times,
} from "../core/index.ts";

/** What the page hands in. Functions may be others with every render. */
export interface TerminalApiGatewayOptions {
  sessionId: string;
  /** A JWT; another one is put to use at once, unnoticed. `null`: it is on its way, and nothing happens before. */
  token?: string | null | undefined;
  /** Instead of `token`: asked for a fresh one before each connection. */
  getToken?: (() => string | Promise<string>) | undefined;
  /** `wss://…`; by default `NEXT_PUBLIC_WS_URL`. */
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
  /** Quick attempts in a row, 5 by default; read when the terminal is made, like `times`. */
  maxAttempts?: number | undefined;
  /** Other times than by default: `pingMs` 30,000, `connectMs` 20,000, and so on. */
  times?: Partial<Times> | undefined;
}

/** What the page gets. The functions stay the same for as long as `sessionId` and `url` do. */
export interface TerminalApiGateway {
  isConnected: boolean;
  state: Status;
  /** The attempt under way or waited for, from 1; 0 while connected, offline or closed. */
  attempt: number;
  /** When the next attempt begins, in ms since 1970. */
  retryAt: number | null;
  /** What went wrong last; null once it is well again. */
  error: TerminalError | null;
  latency: Latency | null;
  diagnostics: Diagnostics;
  /** Runs one command line in the session's shell. */
  executeCommand(command: string): Promise<CommandResult>;
  /** The window's size in characters. */
  resizeTerminal(cols: number, rows: number): void;
  /** Connects at once, instead of waiting for the next attempt or after a refusal. */
  reconnect(): void;
  /** Ends the session, with everything that runs in it. Leaving the page does not. */
  close(): void;
  /** Asks for more time; `terminal.endsAt` says what was given. */
  extend(): void;
  /** Shows output in an emulator; the answer takes it away. For xterm.js, load a `TermgateAddon` with `client` instead. */
  attach(sink: TerminalSink): () => void;
  /** Everything that a page may show, these fields and more. */
  terminal: TerminalState;
  client: TerminalClient;
}

/** Before the first effect ran, and on a server: a mounted component will connect. */
const ABOUT_TO: TerminalState = { ...INITIAL_STATE, status: "connecting" };

/** A terminal over API Gateway, connected while the component is mounted. */
export function useTerminalApiGateway(options: TerminalApiGatewayOptions): TerminalApiGateway {
  const { sessionId, token, url = defaultUrl() } = options;
  const latest = useRef(options);
  const fetches = options.getToken !== undefined;
  const source = useMemo(() => {
    // Asked later, when `latest` is another one.
    return fetches ? () => latest.current.getToken?.() ?? "" : (token ?? "");
  }, [fetches, token]);
  const first = useRef({ source, maxAttempts: options.maxAttempts ?? 5, times: options.times });
  const waits = token === null && !fetches;
  const client = useMemo(() => {
    const { source, ...rest } = first.current;
    return new TerminalClient({ url, sessionId, token: source, ...rest });
  }, [url, sessionId]);

  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => client.setToken(source), [client, source]);

  useEffect(() => {
    if (waits) return;
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
  }, [client, waits]);

  const terminal = useSyncExternalStore(
    useCallback((changed) => client.subscribe(changed), [client]),
    () => (client.state === INITIAL_STATE ? ABOUT_TO : client.state),
    () => ABOUT_TO,
  );

  const actions = useMemo(() => {
    return {
      executeCommand: (command: string) => client.executeCommand(command),
      resizeTerminal: (cols: number, rows: number) => client.resize(cols, rows),
      reconnect: () => client.connect(),
      close: () => client.close(),
      extend: () => client.extend(),
      attach: (sink: TerminalSink) => client.attach(sink),
    };
  }, [client]);

  const { status: state, attempt, retryAt, error, latency, diagnostics } = terminal;
  const isConnected = state === "connected";
  return { isConnected, state, attempt, retryAt, error, latency, diagnostics, ...actions, terminal, client };
}

/** Read where it is used, so that bundlers put the value in its place. */
function defaultUrl(): string {
  return (typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_WS_URL) ?? "";
}
