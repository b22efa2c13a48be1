/**
 * What to do about an `error` frame of the service. Apart from doing it, so that every code and situation is seen in one place.
 */

import type { ErrorMessage } from "../protocol/generated.ts";
import type { ClientErrorCode } from "./error.ts";

/** Codes that a new attach may mend: the shell, the client or the whole service is another one. */
const FORGOTTEN: readonly ClientErrorCode[] = ["STALE_EPOCH", "NOT_ATTACHED", "SESSION_NOT_FOUND"];
/** Codes that make another try pointless when they answer an attach. */
const REFUSED: readonly ClientErrorCode[] = [
  "SESSION_NOT_FOUND",
  "SESSION_ENDED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "LIMIT_REACHED",
];
/** Codes of a service that is being replaced, when it has not heard yet that the session may go on. */
const REPLACED: readonly ClientErrorCode[] = ["SESSION_NOT_FOUND", "SESSION_ENDED", "DRAINING"];

/** Where the client was. */
export interface Situation {
  /** Attached, or attaching again on a connection that was. */
  worked: boolean;
  attached: boolean;
  /** The next connection has another token. */
  renewable: boolean;
  /** The shell's server went away, and the client is on its way to the next one. */
  moving: boolean;
}

/** What to do. */
export type Verdict =
  /** The numbering heals it. */
  | "heals"
  /** Attach again on the same connection. */
  | "reattach"
  /** Another connection. */
  | "renew"
  /** Tell the page; nothing else would help. */
  | "final"
  /** Tell the page, and ask for frames again: the way to the service is broken for a moment. */
  | "broken"
  /** Tell the page. */
  | "tell";

export function verdict(
  { code, retryable }: ErrorMessage,
  { worked, attached, renewable, moving }: Situation,
): Verdict {
  if (code === "INPUT_GAP" || code === "INPUT_FULL") return "heals";
  if (moving && REPLACED.includes(code)) return "renew";
  if (worked && FORGOTTEN.includes(code)) return "reattach";
  if (code === "CONNECTION_GONE") return "renew";
  // It was good once. Without another one, every message would be refused from now on.
  if (code === "TOKEN_EXPIRED") return worked && renewable ? "renew" : "final";
  if (code === "SESSION_ENDED" || code === "REVOKED" || (!attached && REFUSED.includes(code))) return "final";
  return retryable ? "broken" : "tell";
}
