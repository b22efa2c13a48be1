/**
 * Why a connection is over, what a person can do about it, and when to make the next: every close code in one table, beside the
 * ends that this side finds itself. Codes: RFC 6455, API Gateway's, and those of the service's own WebSocket.
 */

import { TerminalError } from "./error.ts";

/** What helps. */
export type Remedy =
  /** Another attempt, after a wait. */
  | "wait"
  /** Another attempt, at once: nothing is wrong with the service. */
  | "at once"
  /** Another attempt with another token. */
  | "token"
  /** Nothing that happens by itself. */
  | "nothing";

/** The end of a connection. */
export interface Loss {
  /** The close code; 1006 also for what this side found. */
  code: number;
  error: TerminalError;
  remedy: Remedy;
}

/** Where a connection was when it ended. */
export interface Stage {
  /** Without query. */
  url: string;
  /** The handshake succeeded. */
  opened: boolean;
  /** The shell answered on it. */
  worked: boolean;
  /** The token's expiry is past, by this machine's clock. */
  expired: boolean;
  /** The next connection has another token, or may have. */
  fetched: boolean;
}

/** This side found it of no use. */
export function loss(code: TerminalError["code"], sentence: string, remedy: Remedy, cause?: unknown): Loss {
  const retryable = remedy === "wait" || remedy === "at once";
  return { code: 1006, error: new TerminalError(code, sentence, retryable, cause ? { cause } : undefined), remedy };
}

/** The other side, or somebody between, has closed it. */
export function closed(code: number, reason: string, stage: Stage): Loss {
  const { error, sentence, remedy } = meaning(code, stage);
  const said = reason ? `${sentence} (${code}: ${reason})` : sentence;
  return { ...loss(error, said, remedy), code };
}

type Meaning = { error: TerminalError["code"]; sentence: string; remedy: Remedy };

function meaning(code: number, { url, opened, worked, expired, fetched }: Stage): Meaning {
  const lost = (sentence: string, remedy: Remedy = "wait"): Meaning => ({
    ...{ error: "CONNECTION_FAILED", sentence, remedy },
  });
  switch (code) {
    case 1001:
      return lost("The gateway closed the connection, as it does after two hours or ten idle minutes.", "at once");
    case 1008:
      return lost("The service heard nothing from this page for over a minute and closed the connection.", "at once");
    case 1009:
      return lost("A message was too large for the gateway, which closed the connection.");
    case 1012:
    case 4503:
      return lost("The service is being replaced; the terminal goes on in a moment.");
    case 4000:
      return {
        error: "SESSION_INVALID",
        sentence: "There is no such session, or it is not yours: check the session id and the token's `sid`.",
        remedy: "token",
      };
    case 4001:
      return expired
        ? EXPIRED
        : {
            error: "UNAUTHORIZED",
            sentence: "The token was refused: check the secret or key that signs it, and its `exp`, `iss` and `aud`.",
            remedy: "token",
          };
  }
  if (code >= 4500 && code < 4600) return lost("The service has a fault of its own; it is tried again.");
  if (opened || worked) return lost(`The connection was lost (${code}).`);
  // Browsers give no reason for a refused handshake; but a gateway that is asked with an old token always refuses.
  if (expired) return fetched ? { ...EXPIRED, remedy: "wait" } : EXPIRED;
  return lost(
    `${url} could not be opened, and browsers do not say why: check the address, that the token is valid, and that ` +
      "the gateway allows this page's origin.",
  );
}

const EXPIRED: Meaning = {
  error: "TOKEN_EXPIRED",
  sentence: "The token has expired: give another one, or let `getToken` fetch one for each connection.",
  remedy: "token",
};
