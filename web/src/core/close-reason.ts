/**
 * Why a connection ended and when to open the next: all close codes in one table, beside the failures that the client
 * detects itself. Codes: RFC 6455, API Gateway's, and those of the service's own WebSocket.
 */

import type { ErrorMessage } from "../protocol/generated.ts";
import { TerminalError } from "./error.ts";

export type RetryPolicy =
  | "backoff"
  /** At once: nothing is wrong with the service. */
  | "immediate"
  | "new token"
  | "never";

export interface CloseReason {
  /** The close code; 1006 also for failures that the client detected. */
  code: number;
  error: TerminalError;
  retry: RetryPolicy;
  /** True if an answer did not come in time. */
  silent?: boolean;
}

/** The state of a connection when it was closed. */
export interface ClosedConnection {
  /** Without query. */
  url: string;
  /** True if the handshake succeeded. */
  opened: boolean;
  /** True if an attach was answered on it. */
  established: boolean;
  /** True if the token has expired, by this machine's clock. */
  expired: boolean;
  /** True if each connection fetches a token. */
  fetchesToken: boolean;
}

/** The reason for closing from this side. */
export function closeReason(
  code: TerminalError["code"],
  sentence: string,
  retry: RetryPolicy,
  cause?: unknown,
): CloseReason {
  const retryable = retry === "backoff" || retry === "immediate";
  return { code: 1006, error: new TerminalError(code, sentence, retryable, cause ? { cause } : undefined), retry };
}

/**
 * True if the gateway opened a connection only to say that the user has too many: a browser does not learn why a
 * handshake failed. The service's own limits are not retryable.
 */
export function isOneTooMany({ code, retryable }: Pick<ErrorMessage, "code" | "retryable">): boolean {
  return code === "LIMIT_REACHED" && retryable;
}

/** The reason for a close event. */
export function reasonOfClose(code: number, reason: string, connection: ClosedConnection): CloseReason {
  const { error, sentence, retry } = meaning(code, connection);
  const detail = reason ? `${sentence} (${code}: ${reason})` : sentence;
  return { ...closeReason(error, detail, retry), code };
}

type Meaning = { error: TerminalError["code"]; sentence: string; retry: RetryPolicy };

function meaning(code: number, { url, opened, established, expired, fetchesToken }: ClosedConnection): Meaning {
  const lost = (sentence: string, retry: RetryPolicy = "backoff"): Meaning => {
    return { error: "CONNECTION_FAILED", sentence, retry };
  };
  switch (code) {
    case 1001:
      return lost("The gateway closed the connection, as it does after two hours or ten idle minutes.", "immediate");
    case 1008:
      return lost("The service heard nothing from this page for over a minute and closed the connection.", "immediate");
    case 1009:
      return lost("A message was too large for the gateway, which closed the connection.");
    case 1012:
    case 4503:
      return lost("The service is being replaced; the terminal goes on in a moment.");
    case 1013:
      return {
        error: "LIMIT_REACHED",
        sentence: "This user has as many connections as allowed (MAX_CONNECTIONS_PER_USER).",
        retry: "backoff",
      };
    case 4000:
      return {
        error: "SESSION_INVALID",
        sentence: "There is no such session, or it is not yours: check the session id and the token's `sid`.",
        retry: "new token",
      };
    case 4001:
      return expired
        ? EXPIRED
        : {
            error: "UNAUTHORIZED",
            sentence: "The token was refused: check the secret or key that signs it, and its `exp`, `iss` and `aud`.",
            retry: "new token",
          };
  }
  if (code >= 4500 && code < 4600) return lost("The service reported an internal error; the terminal tries again.");
  if (opened || established) return lost(`The connection was lost (${code}).`);
  // Browsers do not say why a handshake failed; but the gateway always rejects an expired token.
  if (expired) return fetchesToken ? { ...EXPIRED, retry: "backoff" } : EXPIRED;
  return lost(
    `${url} could not be opened, and browsers do not say why: check the address, that the token is valid, and that ` +
      "the gateway allows this page's origin.",
  );
}

const EXPIRED: Meaning = {
  error: "TOKEN_EXPIRED",
  sentence: "The token has expired: pass another one, or let `getToken` fetch one for each connection.",
  retry: "new token",
};
