/**
 * The terminal as a React hook. Output bypasses React: the client writes it to the emulator.
 */

"use client";

import { useEffect, useMemo, useRef } from "react";
import {
  type CommandResult,
  type Status,
  TerminalClient,
  type TerminalError,
  type TerminalMessage,
  type TerminalNotice,
  type TerminalSink,
  type TerminalState,
  type Times,
  type TokenIn,
} from "../core/index.ts";
import { useTerminalState } from "./use-terminal-state.ts";

/** Options of the hook. Functions may change with every render. */
export interface TerminalApiGatewayOptions {
  sessionId: string;
  /** A JWT; a new one is used at once, without an interruption. `null`: waits until there is one. */
  token?: string | null | undefined;
  /** Instead of `token`: fetches one for each connection. */
  getToken?: (() => string | Promise<string>) | undefined;
  /** `wss://…`; by default `NEXT_PUBLIC_WS_URL`. */
  url?: string | undefined;
  /** `https://…` of the service, for networks that block WebSockets; by default `NEXT_PUBLIC_HTTP_URL`. */
  fallbackUrl?: string | undefined;
  /** How a WebSocket carries the token: `query`, the default, or `subprotocol`. Read when the client is created. */
  tokenIn?: TokenIn | undefined;
  /** Where the shell starts if this page starts it, absolute; by default at home. Read when the client is created. */
  directory?: string | undefined;
  /** Receives output as bytes, events and replies, in order and once. */
  onMessage?: ((message: TerminalMessage) => void) | undefined;
  onConnect?: (() => void) | undefined;
  /** The state is no longer connected: lost, ended or unmounted. */
  onDisconnect?: (() => void) | undefined;
  /** Receives every failure, including temporary ones. */
  onError?: ((error: TerminalError) => void) | undefined;
  /** Receives facts that a person should know, such as skipped output or a restarted shell. */
  onNotice?: ((notice: TerminalNotice) => void) | undefined;
  /** Quick attempts in a row, 5 by default. Read when the client is created, like `times`. */
  maxAttempts?: number | undefined;
  /** Overrides default times, such as `pingMs` 30,000 or `connectMs` 20,000. */
  times?: Partial<Times> | undefined;
}

/** Result of the hook. The functions change only with `sessionId`, `url` and `fallbackUrl`. */
export interface TerminalApiGateway
  extends Pick<TerminalState, "attempt" | "retryAt" | "error" | "latency" | "diagnostics"> {
  isConnected: boolean;
  state: Status;
  /** Runs one command line in the session's shell. */
  executeCommand(command: string): Promise<CommandResult>;
  /** Sets the window's size in characters. */
  resizeTerminal(cols: number, rows: number): void;
  /** Connects at once: skips the delay of the next attempt, or tries again after a rejection. */
  reconnect(): void;
  /** Ends the session with everything that runs in it; leaving the page does not. */
  close(): void;
  /** Requests more time; `terminal.endsAt` shows the result. */
  extend(): void;
  /** Shows output in an emulator until the returned function is called. For xterm.js, load a `TermgateAddon`. */
  attach(sink: TerminalSink): () => void;
  /** The whole state: these fields and more. */
  terminal: TerminalState;
  client: TerminalClient;
}

/** A terminal over API Gateway that is connected while the component is mounted. */
export function useTerminalApiGateway(options: TerminalApiGatewayOptions): TerminalApiGateway {
  const { sessionId, token, url = defaultUrl(), fallbackUrl = defaultFallbackUrl() } = options;
  const latest = useRef(options);
  const fetches = options.getToken !== undefined;
  const source = useMemo(() => {
    return fetches ? () => latest.current.getToken?.() ?? "" : (token ?? "");
  }, [fetches, token]);
  const { maxAttempts = 5, times, tokenIn = "query", directory } = options;
  const first = useRef({ source, maxAttempts, times, tokenIn, directory });
  const waitsForToken = token === null && !fetches;
  const client = useMemo(() => {
    const { source, ...rest } = first.current;
    return new TerminalClient({ url, fallbackUrl, sessionId, token: source, ...rest });
  }, [url, fallbackUrl, sessionId]);

  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => client.setToken(source), [client, source]);

  useEffect(() => {
    if (waitsForToken) return;
    let connected = false;
    const reportStatus = () => {
      const isConnected = client.state.status === "connected";
      if (isConnected === connected) return;
      connected = isConnected;
      if (connected) latest.current.onConnect?.();
      else latest.current.onDisconnect?.();
    };
    const stops = [
      client.subscribe(reportStatus),
      client.onMessage((message) => latest.current.onMessage?.(message)),
      client.onError((error) => latest.current.onError?.(error)),
      client.onNotice((notice) => latest.current.onNotice?.(notice)),
    ];
    client.connect();
    return () => {
      client.disconnect();
      for (const stop of stops) stop();
    };
  }, [client, waitsForToken]);

  const terminal = useTerminalState(client);
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

/** Spelled out, because bundlers replace exactly this expression. */
function defaultUrl(): string {
  return (typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_WS_URL) ?? "";
}

function defaultFallbackUrl(): string | undefined {
  return typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_HTTP_URL;
}
