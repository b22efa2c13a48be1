/**
 * Keeps one usable connection under the session: opens it, opens the next when it is lost, gives up after enough attempts in a
 * row. Says nothing about what travels.
 */

import type { GatewayFault } from "../protocol/frame.ts";
import type { Attach, Attached, ClientMessage, ServerFrame } from "../protocol/generated.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, Timer } from "./clock.ts";
import { type Closed, Connection } from "./connection.ts";
import { TerminalError } from "./error.ts";
import type { Log } from "./log.ts";
import { address, FINAL_CLOSE_CODES, type SocketFactory, type TokenIn } from "./socket.ts";

/** The token itself, or where to get a fresh one for each attempt. */
export type TokenSource = string | (() => string | Promise<string>);

/** Where to connect, and how. */
export interface TransportOptions {
  /** `wss://…` of the API Gateway stage, or of a service that takes WebSockets itself. */
  url: string;
  sessionId: string;
  token: TokenSource;
  tokenIn: TokenIn;
  /** Attempts in a row before it gives up. */
  maxAttempts: number;
  clock: Clock;
  log: Log;
  socket: SocketFactory;
  /** From 0 up to 1. */
  random: () => number;
}

/** What the transport tells its client. */
export interface TransportPort {
  /** An attempt begins, from 1. */
  trying(attempt: number): void;
  /** Whether anyone has said how large the window is. */
  windowKnown(): boolean;
  /** What to say first, now. */
  attachment(): Attach;
  attached(frame: { type: "attached" } & Attached & ServerFrame): void;
  frame(frame: ServerFrame): void;
  fault(fault: GatewayFault): void;
  latency(ms: number): void;
  /** Another attempt follows. */
  lost(error: TerminalError): void;
  /** No other follows. */
  failed(error: TerminalError): void;
}

/** The way to the service. */
export class Transport {
  #connection: Connection | undefined;
  /** Raised by every start and stop: what began before is of no interest. */
  #run = 0;
  readonly #retry: Timer;
  readonly #backoff: Backoff;

  constructor(
    private readonly options: TransportOptions,
    private readonly port: TransportPort,
  ) {
    this.#retry = new Timer(options.clock);
    this.#backoff = new Backoff(options.maxAttempts, options.random);
  }

  /** Whether messages other than `attach` may be sent. */
  get attached(): boolean {
    return this.#connection?.attached ?? false;
  }

  /** Whether an attach is under way on a connection that was attached before. */
  get reattaching(): boolean {
    return this.#connection?.reattaching ?? false;
  }

  /** The token for the next connection. */
  setToken(token: TokenSource): void {
    this.options.token = token;
  }

  /** Connects, unless it is at it already. */
  start(): void {
    if (this.#connection || this.#retry.pending) return;
    this.#run += 1;
    this.#backoff.reset();
    // Not at once: a page that mounts twice in a row takes the first time back.
    this.#attempt(this.#backoff.next(false) ?? 0);
  }

  /** Leaves, quietly. */
  stop(): void {
    this.#run += 1;
    this.#retry.clear();
    this.#connection?.close();
    this.#connection = undefined;
  }

  send(message: ClientMessage): void {
    this.#connection?.send(message);
  }

  /** The window's size is known: an attach that waits for it need not. */
  windowKnown(): void {
    this.#connection?.windowKnown();
  }

  /** Attaches again on the same connection; false when there is none that is attached. */
  reattach(): boolean {
    if (!this.attached) return false;
    this.#connection?.attach();
    return true;
  }

  /** The service no longer knows the connection: on to the next one. */
  renew(): void {
    this.#connection?.close();
    this.#lost({ code: 1006, reason: "the service does not know the connection any more" });
  }

  #attempt(wait: number): void {
    const run = this.#run;
    this.port.trying(this.#backoff.attempt);
    this.#retry.set(wait, async () => {
      const { token } = this.options;
      try {
        const current = typeof token === "string" ? token : await token();
        if (run === this.#run) this.#open(current);
      } catch {
        if (run === this.#run) this.#lost({ code: 1006, reason: "no token could be had" });
      }
    });
  }

  #open(token: string): void {
    const { url, sessionId, tokenIn, clock, log, socket } = this.options;
    const where = address(url, sessionId, token, tokenIn);
    log.info(`Connecting to ${where.shown} (attempt ${this.#backoff.attempt}/${this.#backoff.most})`);
    const { windowKnown, attachment, frame, fault, latency } = this.port;
    this.#connection = new Connection(where, {
      ...{ clock, log, socket, windowKnown, attachment, frame, fault, latency },
      attached: (answer) => {
        this.#backoff.reset();
        this.port.attached(answer);
      },
      closed: (why) => this.#lost(why),
    });
  }

  #lost(why: Closed): void {
    this.#connection = undefined;
    const error = new TerminalError("CONNECTION_FAILED", sentence(why), true);
    const wait = FINAL_CLOSE_CODES.includes(why.code) ? undefined : this.#backoff.next();
    if (wait === undefined) return this.port.failed(error);
    this.options.log.warn(`Connection lost (${why.code}), next attempt in ${wait}ms`);
    this.port.lost(error);
    this.#attempt(wait);
  }
}

/** For a person: browsers give no reason for a refused handshake. */
function sentence({ code, reason }: Closed): string {
  return reason ? `the connection was lost: ${reason}` : `the connection was lost or refused (${code})`;
}
