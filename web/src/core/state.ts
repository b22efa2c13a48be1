/**
 * What a page shows of a terminal, as one value that is replaced, never changed: React and others compare it by identity.
 */

import type { EndReason, Role, Tty } from "../protocol/generated.ts";
import type { Closing } from "./closings.ts";
import type { ClientErrorCode, TerminalError } from "./error.ts";
import type { Latency } from "./latency.ts";

/** Where the client is. */
export type Status =
  /** For the first time, up to the attach. */
  | "connecting"
  | "connected"
  /** Lost; trying again, quickly. */
  | "reconnecting"
  /**
   * Lost for longer, or the browser has no network. It tries now and then, and at once when the page is shown, the network is
   * back, or somebody types.
   */
  | "offline"
  /**
   * Nothing happens any more by itself: `end` says how the session ended, `error` why it was refused, and without either
   * nobody has asked it to connect.
   */
  | "closed";

/** What somebody wants to know who looks for a fault. */
export interface Diagnostics {
  /** Where it connects, without query, so without token; empty before the first attempt. */
  url: string;
  /** Connections that were begun in all of this terminal's life. */
  attempts: number;
  /** What went wrong last, even when it is well again. */
  lastError: string | null;
  errorCode: ClientErrorCode | null;
  /** From opening the last connection until the shell answered on it, in ms. */
  connectionTime: number | null;
}

/** Everything but the bytes. */
export interface TerminalState {
  status: Status;
  /** The attempt of the series that is under way or waited for, from 1; 0 while connected, offline or closed. */
  attempt: number;
  /** When the next attempt begins, in ms since 1970; null while one is under way, and when none is planned. */
  retryAt: number | null;
  /** What went wrong last; gone once connected again. */
  error: TerminalError | null;
  /** There and back through the whole chain. */
  latency: Latency | null;
  role: Role;
  tty: Tty;
  title: string;
  /** The terminal's size, which may be another controller's. */
  size: { cols: number; rows: number } | null;
  /** How the session ended. */
  end: { reason: EndReason; exitCode: number; signal?: string } | null;
  /** When it will end unless something happens, and why; the first of several. */
  closing: Closing | null;
  /** When the session's longest life is over, in ms since 1970. */
  endsAt: number | null;
  /** Whether `extend` can still move that. */
  canExtend: boolean;
  diagnostics: Diagnostics;
}

/** Before anything happened, on the server as in the browser. */
export const INITIAL_STATE: TerminalState = {
  status: "closed",
  attempt: 0,
  retryAt: null,
  error: null,
  latency: null,
  role: "controller",
  tty: { echo: true, canonical: true },
  title: "",
  size: null,
  end: null,
  closing: null,
  endsAt: null,
  canExtend: false,
  diagnostics: { url: "", attempts: 0, lastError: null, errorCode: null, connectionTime: null },
};

/** Whether the session is over for this page: no attempt would find it again. */
export function isOver({ status, end, error }: TerminalState): boolean {
  return status === "closed" && (end !== null || error?.code === "SESSION_ENDED");
}
