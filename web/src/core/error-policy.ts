/**
 * Decides how to handle an `error` frame of the service, by code and situation, so that all cases are in one place.
 */

import type { ErrorMessage } from "../protocol/generated.ts";
import type { ClientErrorCode } from "./error.ts";

/** Codes that a new attach may fix: the shell, the client or the whole service is another one. */
const REATTACH: readonly ClientErrorCode[] = ["STALE_EPOCH", "NOT_ATTACHED", "SESSION_NOT_FOUND"];
/** Codes that make another attempt pointless if they answer an attach. */
const FINAL_ON_ATTACH: readonly ClientErrorCode[] = [
  "SESSION_NOT_FOUND",
  "SESSION_ENDED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "LIMIT_REACHED",
];
/** Codes for the attach of a page that may only watch, until another one starts the session. */
const NOT_STARTED: readonly ClientErrorCode[] = ["SESSION_NOT_FOUND", "READ_ONLY"];
/** Codes of a service that is being replaced and does not know yet that the session continues elsewhere. */
const MIGRATING: readonly ClientErrorCode[] = ["SESSION_NOT_FOUND", "SESSION_ENDED", "DRAINING"];

/** The client's situation when the error arrived. */
export interface ErrorContext {
  /** True if the connection has been attached, even if an attach is pending again. */
  established: boolean;
  attached: boolean;
  /** True if the next connection uses another token. */
  renewable: boolean;
  /** True if the token only lets its bearer watch. */
  watches: boolean;
  /** True if the shell's server went away and the client waits for the next one. */
  migrating: boolean;
}

export type ErrorAction =
  /** The numbering repairs it. */
  | "ignore"
  /** Attach again on the same connection. */
  | "reattach"
  /** Attach again later: the session has not started. */
  | "wait"
  /** Open another connection. */
  | "reconnect"
  /** Report it and stop; no attempt would help. */
  | "close"
  /** Report it and request frames again: the way to the service is interrupted. */
  | "retry"
  | "report";

export function errorAction(
  { code, retryable, seq }: ErrorMessage,
  { established, attached, renewable, watches, migrating }: ErrorContext,
): ErrorAction {
  if (code === "INPUT_GAP" || code === "INPUT_FULL") return "ignore";
  if (watches && !attached && NOT_STARTED.includes(code)) return "wait";
  if (migrating && MIGRATING.includes(code)) return "reconnect";
  if (established && REATTACH.includes(code)) return "reattach";
  if (code === "CONNECTION_GONE") return "reconnect";
  // The token was valid once. Without another one, every message would be rejected from now on.
  if (code === "TOKEN_EXPIRED") return established && renewable ? "reconnect" : "close";
  if (code === "SESSION_ENDED" || code === "REVOKED" || (!attached && FINAL_ON_ATTACH.includes(code))) return "close";
  // One message was refused in its turn: the way to the service is well.
  return retryable && seq === undefined ? "retry" : "report";
}
