/**
 * The choice between WebSockets and HTTP requests. A network that blocks WebSockets refuses the handshake, lets it hang,
 * or cuts the connection at once; a browser says none of that, so only attempts show it. An answer of the service, such
 * as a refused token, is no sign of blocking.
 */

import type { CloseReason } from "./close-reason.ts";

/** The transport of a connection. */
export type Route = "websocket" | "http";

/** Failed WebSockets in a row after which HTTP is tried. */
const MAX_FAILURES = 2;
/** Each further try of a WebSocket waits twice as long, up to this many times the first delay. */
const MAX_DELAY_FACTOR = 32;

export class RouteChoice {
  /** WebSockets in a row that failed as if they were blocked. */
  #failures = 0;
  /** True if HTTP failed last: then the WebSocket has its turn. */
  #httpFailed = false;
  /** Tries of a WebSocket since HTTP is in use. */
  #tries = 0;

  constructor(private readonly hasFallback: boolean) {}

  /** The route of the next attempt. Once WebSockets seem to be blocked, the two take turns until one works. */
  get next(): Route {
    if (!this.hasFallback || this.#failures < MAX_FAILURES) return "websocket";
    return this.#httpFailed ? "websocket" : "http";
  }

  /** A connection in use, or an attempt, ended. `lasted`: it was attached for some time. */
  ended(route: Route, reason: CloseReason, lasted: boolean): void {
    if (route === "http") {
      this.#httpFailed = !lasted;
      return;
    }
    this.#httpFailed = false;
    if (lasted) {
      this.#failures = 0;
      this.#tries = 0;
    } else if (looksBlocked(reason)) this.#failures += 1;
  }

  /** A WebSocket takes over from HTTP. If it does not last, HTTP is back at once. */
  movedBack(): void {
    this.#failures = MAX_FAILURES - 1;
  }

  /** True if the reason is final for a WebSocket and not for HTTP. */
  mayHelp({ error }: CloseReason): boolean {
    return this.hasFallback && error.code === "WEBSOCKET_CREATION_FAILED";
  }

  /** Time until a WebSocket is tried again, as a multiple of the first delay. */
  nextDelayFactor(): number {
    const factor = Math.min(2 ** this.#tries, MAX_DELAY_FACTOR);
    this.#tries += 1;
    return factor;
  }

  /** The network is another one, perhaps. */
  reset(): void {
    this.#tries = 0;
  }
}

/** Close codes of the service and of the gateway, apart from those above 4000. */
const SPEAKING: readonly number[] = [1001, 1008, 1009, 1012, 1013];

/** False for close codes that only reach a page that WebSockets reach. */
function looksBlocked({ code, error }: CloseReason): boolean {
  return code < 4000 && !SPEAKING.includes(code) && error.code !== "TOKEN_UNAVAILABLE";
}
