/**
 * Errors in the words of the person at the terminal: the effect, and a step that helps. The error's own message is for
 * the person who operates it.
 */

import type { TerminalError } from "../core/index.ts";

const UNREACHABLE = "The terminal cannot be reached at the moment";
const NO_ANSWER = "The lab machine does not answer; what you type is kept";
const REPLACED = "The lab machine is being replaced; the terminal goes on in a moment";
const MISSING = "This session does not exist, or it is not yours";
const NOT_SET_UP = "This page is not set up right: please tell its operator";
const FORBIDDEN = "You may not open this terminal";
/** Begin of the service's sentence about a profile that its image lacks: the code says only that a token is refused. */
const NO_PROFILE = "this service has no profile ";
const NOT_INSTALLED = "This terminal is not installed on the lab machine: please tell your teacher";
const SIGN_IN = "Reload the page, or sign in again";

const PROBLEMS: Partial<Record<TerminalError["code"], string>> = {
  CONNECTION_FAILED: UNREACHABLE,
  CONNECTION_GONE: UNREACHABLE,
  CONNECTION_TIMEOUT: UNREACHABLE,
  MAX_RETRIES_EXCEEDED: UNREACHABLE,
  OFFLINE: "This device has no network; the terminal goes on when it is back",
  BACKEND_UNREACHABLE: NO_ANSWER,
  BACKEND_TIMEOUT: NO_ANSWER,
  GATEWAY_FAULT: NO_ANSWER,
  INTERNAL: NO_ANSWER,
  DRAINING: REPLACED,
  TOKEN_UNAVAILABLE: `Your access could not be checked. ${SIGN_IN}`,
  TOKEN_EXPIRED: `Your access has expired. ${SIGN_IN}`,
  UNAUTHORIZED: `Your access was refused. ${SIGN_IN}`,
  FORBIDDEN,
  REVOKED: "Your access to this terminal was ended",
  SESSION_INVALID: MISSING,
  SESSION_NOT_FOUND: MISSING,
  SESSION_ENDED: "This session is over",
  LIMIT_REACHED: "Too many terminals are open. Close one, and try again",
  URL_MISSING: NOT_SET_UP,
  URL_INVALID: NOT_SET_UP,
  UNKNOWN_PATH: NOT_SET_UP,
  AWS_APP_RUNNER_ERROR: NOT_SET_UP,
  MIXED_CONTENT: NOT_SET_UP,
  WEBSOCKET_CREATION_FAILED: NOT_SET_UP,
  READ_ONLY: "Your last keys did not reach the shell: you may not type in it",
  INPUT_DISCARDED: "The shell was restarted, and discarded what you typed last",
};

/** The error in words for the person at the terminal. */
export function problemOf({ code, message, cause }: TerminalError): string {
  // After all quick attempts, the last one's reason helps.
  const last = code === "MAX_RETRIES_EXCEEDED" ? PROBLEMS[cause as TerminalError["code"]] : undefined;
  if (code === "FORBIDDEN" && message.startsWith(NO_PROFILE)) return NOT_INSTALLED;
  return last ?? PROBLEMS[code] ?? message.replace(/\.$/, "");
}
