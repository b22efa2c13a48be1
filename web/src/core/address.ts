/**
 * Builds and checks the WebSocket address. Checks it before a socket is opened, because browsers do not report the
 * reason of a failure.
 */

import { SUBPROTOCOL } from "../protocol/generated.ts";
import { TerminalError } from "./error.ts";

/** Place of the token: in the query, or as a subprotocol, which no access log records. */
export type TokenIn = "query" | "subprotocol";

export interface Address {
  url: string;
  protocols: string[];
  /** The URL without its query, and so without the token: for logs and messages. */
  displayUrl: string;
}

/** Hosts to which browsers allow `ws:` from an `https:` page. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/;

/** Validates a URL and session id; `secure` is true if the page was loaded over https. */
export function validateAddress(base: string, sessionId: string, secure: boolean): TerminalError | undefined {
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
    return new TerminalError("MIXED_CONTENT", "This page was loaded over https and must not open ws://: use wss://.");
  }
  if (!sessionId) {
    return new TerminalError("SESSION_INVALID", "No session id was given: pass the one that the token names in `sid`.");
  }
  return undefined;
}

/** Validates the address for HTTP requests. */
export function validateFallback(base: string, secure: boolean): TerminalError | undefined {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:") || url.hash || url.search) {
    const sentence =
      "`fallbackUrl` (NEXT_PUBLIC_HTTP_URL) must be the https:// address of the service, without a query.";
    return new TerminalError("URL_INVALID", sentence);
  }
  if (secure && url.protocol === "http:" && !LOOPBACK.test(url.hostname)) {
    const sentence =
      "This page was loaded over https and must not use http://: `fallbackUrl` must begin with https://.";
    return new TerminalError("MIXED_CONTENT", sentence);
  }
  return undefined;
}

/** The address of a session's HTTP requests, with `{path}` in place of the last part of their paths. */
export function buildFallbackAddress(base: string, sessionId: string, token: string): Address {
  const displayUrl = `${base.replace(/\/+$/, "")}/terminal`;
  const url = `${displayUrl}/{path}?sessionId=${encodeURIComponent(sessionId)}`;
  return { url, protocols: [token], displayUrl };
}

/** The address of a session, or of its carrier; `base` may have a path and a query of its own. */
export function buildAddress(
  base: string,
  sessionId: string,
  token: string,
  tokenIn: TokenIn,
  carrier = false,
): Address {
  const url = new URL(base);
  if (carrier) url.searchParams.set("carrier", "1");
  if (tokenIn === "query") url.searchParams.set("token", token);
  url.searchParams.set("sessionId", sessionId);
  const protocols = tokenIn === "subprotocol" ? [SUBPROTOCOL, token] : [];
  return { url: url.href, protocols, displayUrl: `${url.protocol}//${url.host}${url.pathname}` };
}
