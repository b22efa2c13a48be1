/**
 * What goes wrong, as one type with a stable code, so that a page can switch on it.
 */

import type { ErrorCode } from "../protocol/generated.ts";

/** A code of the service, or one that only a client knows. */
export type ClientErrorCode =
  | ErrorCode
  /** The connection could not be made, or was lost. */
  | "CONNECTION_FAILED"
  /** It was not made in time. */
  | "CONNECTION_TIMEOUT"
  /** As many attempts as make a series failed. It goes on trying, but seldom, and at once when there is a reason to. */
  | "MAX_RETRIES_EXCEEDED"
  /** The browser has no network. */
  | "OFFLINE"
  /** `getToken` failed, or did not answer in time. */
  | "TOKEN_UNAVAILABLE"
  /** No address was given. */
  | "URL_MISSING"
  /** The address is none of a WebSocket. */
  | "URL_INVALID"
  /** A page that was loaded over https may not open `ws:`. */
  | "MIXED_CONTENT"
  /** The address is that of an App Runner service, which closes WebSockets. */
  | "AWS_APP_RUNNER_ERROR"
  /** The browser refused to make a WebSocket at all. */
  | "WEBSOCKET_CREATION_FAILED"
  /** The session's id is missing or none that may be used. */
  | "SESSION_INVALID"
  /** The result of a command may be among output that was skipped: it will not come, or not any more. */
  | "RESULT_LOST"
  /** The gateway itself failed. */
  | "GATEWAY_FAULT"
  /** The shell was started anew; what was typed for the old one was thrown away. */
  | "INPUT_DISCARDED";

/** A failure, with a sentence for a person. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";

  constructor(
    readonly code: ClientErrorCode,
    message: string,
    /** Whether the same may succeed later without anyone changing anything. */
    readonly retryable = false,
    /** With `cause`, what a function of the page threw. */
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
