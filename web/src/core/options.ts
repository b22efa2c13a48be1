/**
 * What a page hands to the client, and what it hears from it. Apart from the client, because most readers want only this.
 */

import type { Event as EventFrame, ServerFrame } from "../protocol/generated.ts";
import type { TokenIn } from "./address.ts";
import type { Clock } from "./clock.ts";
import type { Inflate } from "./inflate.ts";
import type { Log, LogLevel } from "./log.ts";
import type { Page } from "./page.ts";
import type { SocketFactory } from "./socket.ts";
import type { Times } from "./times.ts";
import type { TokenSource } from "./token.ts";
import type { Size } from "./window.ts";

/** What a terminal needs; only the first three have no default. */
export interface ClientOptions {
  /** `wss://…` of the API Gateway stage, or of a service that takes WebSockets itself; checked by `connect`. */
  url: string;
  sessionId: string;
  token: TokenSource;
  tokenIn?: TokenIn;
  /** The window, in characters. Without it, the attach waits a moment for an emulator to say, and else takes 80 × 24. */
  size?: Size | undefined;
  /** Quick attempts in a row, before it tries only seldom. */
  maxAttempts?: number;
  logLevel?: LogLevel;
  log?: Log;
  /** Other times than API Gateway asks for. */
  times?: Partial<Times> | undefined;
  clock?: Clock;
  page?: Page;
  socket?: SocketFactory;
  /** Unpacks compressed output; `null` asks for none. */
  inflate?: Inflate | null;
  /** From 0 up to 1. */
  random?: () => number;
  /** Names this page load: 128 random bits. */
  clientId?: () => string;
}

/** What the service said, in order and once: output as bytes, events at their place, direct replies when they come. */
export type TerminalMessage =
  | { type: "output"; pos: number; bytes: Uint8Array }
  | ({ type: "event" } & EventFrame)
  | Exclude<ServerFrame, { type: "output" | "event" | "snapshot" | "attached" | "input_ack" }>;
