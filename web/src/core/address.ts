/**
 * Where to connect: the address that a page was given, checked before anything is opened, because what is wrong with it is said
 * by no browser.
 */

import { SUBPROTOCOL } from "../protocol/generated.ts";
import { TerminalError } from "./error.ts";

/** Where the token travels: in the query, as existing deployments expect it, or as a subprotocol, which ends up in no log. */
export type TokenIn = "query" | "subprotocol";

/** What to open, and how to name it in a log. */
export interface Address {
  url: string;
  protocols: string[];
  /** Without query, so without token. */
  shown: string;
}

/** Browsers let pages of https speak to these without encryption. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/;

/** What is wrong with an address or a session's id, in a page that was loaded over https or not. */
export function complaint(base: string, sessionId: string, secure: boolean): TerminalError | undefined {
  if (!base) {
    return new TerminalError(
      "URL_MISSING",
      "No address was given: set NEXT_PUBLIC_WS_URL to the wss://….execute-api… URL of the gateway's stage and build " +
        "again, or pass `url`.",
    );
  }
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    const instead = url && /^https?:$/.test(url.protocol) ? `: use ${url.protocol === "https:" ? "wss" : "ws"}://` : "";
    return new TerminalError("URL_INVALID", `The address must begin with wss:// (or ws:// for development)${instead}.`);
  }
  if (url.hash) return new TerminalError("URL_INVALID", "The address of a WebSocket must not have a #fragment.");
  if (/(^|\.)awsapprunner\.com$/.test(url.hostname)) {
    return new TerminalError(
      "AWS_APP_RUNNER_ERROR",
      "The address is that of an App Runner service, and App Runner closes WebSockets: NEXT_PUBLIC_WS_URL must be the " +
        "wss://….execute-api… URL of the gateway.",
    );
  }
  if (secure && url.protocol === "ws:" && !LOOPBACK.test(url.hostname)) {
    return new TerminalError("MIXED_CONTENT", "This page was loaded over https and may not open ws://: use wss://.");
  }
  if (!sessionId) {
    return new TerminalError("SESSION_INVALID", "No session id was given: pass the one that the token names in `sid`.");
  }
  return undefined;
}

/** The address of a session behind `base`, which may have a path and a query of its own. */
export function address(base: string, sessionId: string, token: string, tokenIn: TokenIn): Address {
  const url = new URL(base);
  if (tokenIn === "query") url.searchParams.set("token", token);
  url.searchParams.set("sessionId", sessionId);
  const protocols = tokenIn === "subprotocol" ? [SUBPROTOCOL, token] : [];
  return { url: url.href, protocols, shown: `${url.protocol}//${url.host}${url.pathname}` };
}
