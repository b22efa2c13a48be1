/**
 * What goes wrong, as one type with a stable code, so that a page can switch on it.
 */

import type { ErrorCode } from "../protocol/generated.ts";

/** A code of the service, or one that only a client knows. */
export type ClientErrorCode =
  | ErrorCode
  /** The connection could not be made, or was lost. */
  | "CONNECTION_FAILED"
  /** As many attempts as make a series failed. It goes on trying, but seldom, and at once when there is a reason to. */
  | "MAX_RETRIES_EXCEEDED"
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
  ) {
    super(message);
  }
}
