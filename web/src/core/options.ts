/**
 * The options of a client, their defaults, and the messages that it delivers.
 */

import type { ClientMessage, Event as EventFrame, ServerFrame } from "../protocol/generated.ts";
import type { TokenIn } from "./address.ts";
import { browserClock, type Clock } from "./clock.ts";
import { browserFetch, type Fetch } from "./http-socket.ts";
import { browserInflate, type Inflate } from "./inflate.ts";
import { consoleLog, type Log, type LogLevel } from "./log.ts";
import { browserPage, type Page } from "./page.ts";
import { browserSocket, type SocketFactory } from "./socket.ts";
import { TIMES, type Times } from "./times.ts";
import type { TokenSource } from "./token.ts";
import type { Size } from "./window-size.ts";

/** Only `url`, `sessionId` and `token` are required. */
export interface ClientOptions {
  /** `wss://…` of the API Gateway stage, or of a service that accepts WebSockets itself; validated by `connect`. */
  url: string;
  /** `https://…` of the service itself, for networks that block WebSockets; without it, only `url` is tried. */
  fallbackUrl?: string | undefined;
  sessionId: string;
  token: TokenSource;
  tokenIn?: TokenIn;
  /** Absolute: where the shell starts if this page starts it, and its user may go there; by default at home. */
  directory?: string | undefined;
  /** In characters. By default the attach waits up to 1 s for an emulator to report it, then assumes 80 × 24. */
  size?: Size | undefined;
  /** Quick attempts in a row before slow retries; 5 by default. */
  maxAttempts?: number;
  logLevel?: LogLevel;
  log?: Log;
  /** Overrides the defaults, which suit API Gateway. */
  times?: Partial<Times> | undefined;
  clock?: Clock;
  page?: Page;
  socket?: SocketFactory;
  fetch?: Fetch;
  /** Decompresses output; `null` requests none that is compressed. */
  inflate?: Inflate | null;
  /** From 0 up to 1. */
  random?: () => number;
  /** Names this page load: 128 random bits. */
  clientId?: () => string;
}

/** A message of the service, in order and once: output as bytes, events in between, direct replies on arrival. */
export type TerminalMessage =
  | { type: "output"; pos: number; bytes: Uint8Array }
  | ({ type: "event" } & EventFrame)
  | Exclude<
      ServerFrame,
      { type: "output" | "event" | "snapshot" | "attached" | "input_ack" | "renew" | "carried" | "wall" | "announced" }
    >;

/** A message of a transfer of a file. */
export type FileMessage = Extract<
  ClientMessage,
  { type: "upload" | "upload_part" | "download" | "download_part" | "cancel_transfer" }
>;

/** The options with every default applied. */
export type ResolvedOptions = ReturnType<typeof resolveOptions>;

export function resolveOptions(options: ClientOptions) {
  const { url, sessionId, token, directory, size } = options;
  return {
    ...{ url, sessionId, token, directory, size },
    fallbackUrl: options.fallbackUrl || undefined,
    tokenIn: options.tokenIn ?? "query",
    maxAttempts: options.maxAttempts ?? 5,
    log: options.log ?? consoleLog(options.logLevel ?? "info"),
    times: { ...TIMES, ...options.times },
    clock: options.clock ?? browserClock,
    page: options.page ?? browserPage,
    socket: options.socket ?? browserSocket,
    fetch: options.fetch ?? browserFetch,
    inflate: options.inflate === undefined ? browserInflate : (options.inflate ?? undefined),
    random: options.random ?? Math.random,
    clientId: once(options.clientId ?? randomId),
  };
}

/** Calls `make` when the value is needed: never on a server, where a page renders without connecting. */
function once(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** 128 random bits, in hex. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
