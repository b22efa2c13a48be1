/**
 * The WebSocket as the client sees it: four events, two calls, and an address that carries the token. Tests hand in their own.
 */

import { SUBPROTOCOL } from "../protocol/generated.ts";

/** What the client needs of a WebSocket; the browser's fits. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Opens one. */
export type SocketFactory = (url: string, protocols: string[]) => Socket;

/** The browser's own. */
export const browserSocket: SocketFactory = (url, protocols) => new WebSocket(url, protocols) as Socket;

/** Closes that only a fresh token or another session can mend: invalid session, unauthorized. */
export const FINAL_CLOSE_CODES: readonly number[] = [4000, 4001];

/** Where the token travels: in the query, as existing deployments expect it, or as a subprotocol, which ends up in no log. */
export type TokenIn = "query" | "subprotocol";

/** What to open, and how to name it in a log. */
export interface Address {
  url: string;
  protocols: string[];
  /** Without query, so without token. */
  shown: string;
}

/** The address of a session behind `base`, which may be `ws:`, `wss:`, `http:` or `https:`, with a path and a query. */
export function address(base: string, sessionId: string, token: string, tokenIn: TokenIn): Address {
  const url = new URL(base);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (tokenIn === "query") url.searchParams.set("token", token);
  url.searchParams.set("sessionId", sessionId);
  const protocols = tokenIn === "subprotocol" ? [SUBPROTOCOL, token] : [];
  return { url: url.href, protocols, shown: `${url.protocol}//${url.host}${url.pathname}` };
}
