/**
 * The client's one error type, with a stable code that a page can switch on.
 */

import type { ErrorCode } from "../protocol/generated.ts";

/** A code of the service, or one that only the client reports. */
export type ClientErrorCode =
  | ErrorCode
  /** The connection could not be opened, or was lost. */
  | "CONNECTION_FAILED"
  /** The connection was not ready in time. */
  | "CONNECTION_TIMEOUT"
  /** All quick attempts failed. The client goes on with slow retries. */
  | "MAX_RETRIES_EXCEEDED"
  /** The browser is offline. */
  | "OFFLINE"
  /** `getToken` failed or timed out. */
  | "TOKEN_UNAVAILABLE"
  | "URL_MISSING"
  /** The address is not a WebSocket URL. */
  | "URL_INVALID"
  /** A page that was loaded over https must not open `ws:`. */
  | "MIXED_CONTENT"
  /** The address is that of an App Runner service, which closes WebSockets. */
  | "AWS_APP_RUNNER_ERROR"
  /** The browser refused to create a WebSocket. */
  | "WEBSOCKET_CREATION_FAILED"
  /** The session id is missing, unknown, or belongs to another user. */
  | "SESSION_INVALID"
  /** This page may only watch, and the session that it watches has not started. */
  | "SESSION_NOT_STARTED"
  /** A command's result may be among output that was skipped. */
  | "RESULT_LOST"
  /** API Gateway itself failed. */
  | "GATEWAY_FAULT"
  /** The shell was restarted; input for the previous one was discarded. */
  | "INPUT_DISCARDED";

/** A failure; `message` is a sentence to show to a person. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    /** True if the same may succeed later without a change. */
    readonly retryable = false,
    /** `cause`: the exception that a function of the page threw. */
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why a page that may only watch shows nothing yet. */
export const NOT_STARTED = new TerminalError(
  "SESSION_NOT_STARTED",
  "The session has not started yet. It appears here as soon as it does.",
  true,
);
