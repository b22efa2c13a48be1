/**
 * Keeps one usable connection under the session: opens it, opens the next when it is lost or before its time is up, and never
 * stops trying on its own but for a refusal. Says nothing about what travels.
 */

import type { GatewayFault } from "../protocol/frame.ts";
import type { ClientMessage, ServerFrame } from "../protocol/generated.ts";
import { address, complaint, type TokenIn } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { type Clock, Timer } from "./clock.ts";
import { type AttachedFrame, type Attachment, Connection } from "./connection.ts";
import { TerminalError } from "./error.ts";
import { Handover } from "./handover.ts";
import type { Latency } from "./latency.ts";
import type { Log } from "./log.ts";
import { type Loss, loss } from "./loss.ts";
import type { Page } from "./page.ts";
import type { SocketFactory } from "./socket.ts";
import type { Times } from "./times.ts";
import type { TokenSource } from "./token.ts";

/** Between the beginnings of two attempts, at least. */
const SPACING_MS = 1000;
/** Where there is no reason to wait, pages that lost the same network still do not return as one. */
const AT_ONCE_MS = 250;
/** A connection that was of use for less than this makes the next wait twice as long as the first. */
const STEADY_MS = 5000;

const OFFLINE = new TerminalError(
  "OFFLINE",
  "This browser has no network; the terminal goes on when it is back.",
  true,
);

/** Where to connect, and how. */
export interface TransportOptions {
  /** `wss://…` of the API Gateway stage, or of a service that takes WebSockets itself. */
  url: string;
  sessionId: string;
  token: TokenSource;
  tokenIn: TokenIn;
  /** Quick attempts in a row. */
  maxAttempts: number;
  clock: Clock;
  times: Times;
  log: Log;
  socket: SocketFactory;
  /** From 0 up to 1. */
  random: () => number;
}

/** What the transport tells its client. */
export interface TransportPort {
  /** Another attempt of a series is due, from 1. */
  trying(attempt: number): void;
  /** The next attempt begins then, in ms since 1970; or none is waited for. */
  waiting(until: number | null): void;
  /** A connection is about to be opened there. */
  opening(where: string): void;
  /** The shell answered on a new connection, so many ms after that was opened. */
  worked(ms: number): void;
  /** What the page is like. */
  page: Pick<Page, "visible" | "offline" | "secure">;
  windowKnown(): boolean;
  attachment(): Attachment;
  attached(frame: AttachedFrame, asked: Attachment): void;
  frame(frame: ServerFrame): void;
  fault(fault: GatewayFault): void;
  latency(latency: Latency): void;
  /** Another attempt follows soon. */
  lost(error: TerminalError): void;
  /** There is no network, or enough quick attempts failed: now it tries seldom, and at once when there is a reason to. */
  offline(error: TerminalError): void;
  /** No other attempt would help. */
  failed(error: TerminalError): void;
}

/** The way to the service. */
export class Transport {
  #connection: Connection | undefined;
  #running = false;
  #resting = false;
  #seldom = false;
  /** The last that was attached, and when. */
  #youngest: Connection | undefined;
  #attachedAt = 0;
  #begunAt = Number.NEGATIVE_INFINITY;
  readonly #retry: Timer;
  readonly #backoff: Backoff;
  readonly #handover: Handover;

  constructor(
    private readonly options: TransportOptions,
    private readonly port: TransportPort,
  ) {
    const { clock, times, random } = options;
    this.#retry = new Timer(clock);
    this.#backoff = new Backoff(options.maxAttempts, random);
    const open = () =>
      this.#make((where) => options.log.debug(`Connecting anew to ${where}, before the first is closed`));
    this.#handover = new Handover({ clock, times, random, open });
  }

  /** Whether messages other than `attach` may be sent. */
  get attached(): boolean {
    return this.#connection?.attached ?? false;
  }

  /** Whether the connection has been attached before; an attach may be under way again. */
  get worked(): boolean {
    return this.#connection?.worked ?? false;
  }

  /** Whether the next connection has another token: one is fetched for each, or is on its way already. */
  get renewable(): boolean {
    return typeof this.options.token !== "string" || this.#handover.next !== undefined;
  }

  /** The token is about to expire: puts another to use without anybody noticing, where one can be fetched. */
  freshen(): void {
    const fetched = typeof this.options.token !== "string";
    if (fetched && !this.#resting && this.worked && !this.#handover.next) this.#handover.begin();
  }

  /** The token for the next connection; a new text is put to use without anybody noticing. Answers whether it is one. */
  setToken(token: TokenSource): boolean {
    const fresh = typeof token === "string" && token !== this.options.token;
    this.options.token = token;
    if (fresh && !this.#resting) {
      if (this.#connection?.worked) this.#handover.begin();
      else this.wake();
    }
    return fresh;
  }

  /** Connects, and goes on trying; when it waits for the next attempt, it does not wait any longer. */
  start(): void {
    if (this.#running) return this.wake();
    const { url, sessionId } = this.options;
    const wrong = complaint(url, sessionId, this.port.page.secure);
    if (wrong) return this.port.failed(wrong);
    this.#running = true;
    // Not here and now: a page that mounts twice in a row takes the first time back.
    this.#backoff.next();
    this.#attempt(0);
  }

  /** Leaves, quietly. */
  stop(): void {
    this.#running = false;
    this.#resting = false;
    this.#seldom = false;
    this.#unplan();
    this.#backoff.reset();
    this.#handover.stop();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** There is a reason to believe that it works now, or that it does not any more. */
  wake(): void {
    if (!this.#running) return;
    const rested = this.#resting;
    this.#resting = false;
    this.#connection?.doubt();
    if (this.#connection) {
      if (rested) this.#connection.attach();
    } else if (this.#seldom || rested) {
      this.#backoff.reset();
      this.#seldom = false;
      this.#backoff.next();
      this.#attempt(this.#soon());
    } else if (this.#retry.pending) this.#attempt(this.#soon());
  }

  /** The browser says that there is no network. It may be wrong, and this machine needs none to reach itself. */
  offline(): void {
    if (!this.#running || this.#resting) return;
    this.#connection?.doubt();
    if (this.#retry.pending && !this.#seldom) this.#seldomly(OFFLINE);
  }

  /** Nobody looks: asks for nothing any more, and does not come back when the connection is closed, until woken. */
  rest(): void {
    this.#resting = true;
    this.#unplan();
    this.#handover.stop();
    if (this.#connection?.attached) return this.#connection.rest();
    this.#connection?.close();
    this.#connection = undefined;
  }

  get resting(): boolean {
    return this.#resting;
  }

  send(message: ClientMessage): void {
    this.#connection?.send(message);
  }

  verify(): void {
    this.#connection?.verify();
  }

  windowKnown(): void {
    this.#connection?.windowKnown();
  }

  /** Attaches again on the same connection; false when there is none that is attached. */
  reattach(): boolean {
    if (!this.attached) return false;
    this.#connection?.attach();
    return true;
  }

  /** The connection is of no use any more, and why: on to the next one. */
  renew(reason: string): void {
    this.#connection?.close();
    this.#lost(loss("CONNECTION_FAILED", reason, "wait"));
  }

  #soon(): number {
    return Math.round(this.options.random() * AT_ONCE_MS);
  }

  #attempt(wait: number): void {
    const { clock, log } = this.options;
    const { attempt, most } = this.#backoff;
    if (!this.#seldom) this.port.trying(attempt);
    const after = Math.max(wait, this.#begunAt + SPACING_MS - clock.now());
    if (after > 0) this.port.waiting(clock.wall() + after);
    this.#retry.set(after, () => {
      this.#begunAt = clock.now();
      this.port.waiting(null);
      this.#connection = this.#make((where) => {
        if (this.#seldom) log.debug(`Connecting to ${where}`);
        else log.info(`Connecting to ${where} (attempt ${attempt}/${most})`);
      });
    });
  }

  #unplan(): void {
    this.#retry.clear();
    this.port.waiting(null);
  }

  #make(say: (where: string) => void): Connection {
    const { url, sessionId, token, tokenIn, clock, times, log, socket } = this.options;
    const { port } = this;
    const connection: Connection = new Connection({
      ...{ clock, times, log, socket, token },
      address: (current) => address(url, sessionId, current, tokenIn),
      opening: ({ shown }) => {
        say(shown);
        port.opening(shown);
      },
      windowKnown: () => port.windowKnown(),
      attachment: () => port.attachment(),
      attached: (frame, asked) => this.#attached(connection, frame, asked),
      frame: (frame) => this.#frame(connection, frame),
      fault: (fault) => (connection === this.#connection ? port.fault(fault) : this.#handover.failed()),
      latency: (latency) => port.latency(latency),
      worked: (ms) => port.worked(ms),
      closed: (why) => this.#closed(connection, why),
    });
    return connection;
  }

  #attached(connection: Connection, frame: AttachedFrame, asked: Attachment): void {
    let former: Connection | undefined;
    if (connection === this.#handover.next) {
      former = this.#connection;
      this.#connection = this.#handover.take();
    }
    this.#backoff.reset();
    this.#seldom = false;
    // Attached again on the same connection, it has not become younger.
    if (connection !== this.#youngest) {
      this.#youngest = connection;
      this.#attachedAt = this.options.clock.now();
      this.#handover.schedule();
    }
    this.port.attached(frame, asked);
    // What was on its way there is asked for and sent again here.
    former?.close();
  }

  #frame(connection: Connection, frame: ServerFrame): void {
    if (connection === this.#connection) return this.port.frame(frame);
    if (frame.type === "error") this.#handover.failed();
  }

  #closed(connection: Connection, why: Loss): void {
    if (connection === this.#connection) this.#lost(why);
    else this.#handover.failed();
  }

  #lost({ code, error, remedy }: Loss): void {
    const { clock, log, token } = this.options;
    const worked = this.#connection?.worked ?? false;
    this.#connection = undefined;
    // A token that was good and is not any more is another one the next time, where it is fetched.
    const renewable = remedy === "token" && worked && typeof token !== "string";
    if ((remedy === "token" && !renewable) || remedy === "nothing") return this.port.failed(error);
    if (this.#resting) return this.port.trying(1);
    if (this.#backoff.exhausted || this.port.page.offline) return this.#seldomly(error);
    // Its successor may be on the way already.
    const next = this.#handover.take();
    const unsteady = worked && clock.now() - this.#attachedAt < STEADY_MS;
    const bound = this.#backoff.next(unsteady ? 1 : 0);
    const wait = remedy === "at once" && !unsteady ? this.#soon() : bound;
    this.port.lost(error);
    if (!this.#running) return next?.close();
    if (next) {
      this.#connection = next;
      return this.port.trying(this.#backoff.attempt);
    }
    log.warn(`Connection lost (${code}), next attempt in ${wait}ms`);
    this.#attempt(wait);
  }

  #seldomly(error: TerminalError): void {
    const { visible, offline } = this.port.page;
    this.#handover.stop();
    if (!this.#seldom) {
      this.#seldom = true;
      this.port.offline(offline ? OFFLINE : this.#exhausted(error));
    }
    // A page that nobody looks at tries again when it is shown.
    if (this.#running && visible) this.#attempt(this.#backoff.seldom());
  }

  #exhausted({ message, code }: TerminalError): TerminalError {
    const sentence = `${this.#backoff.most} attempts to connect failed; it tries again now and then. The last: ${message}`;
    return new TerminalError("MAX_RETRIES_EXCEEDED", sentence, true, { cause: code });
  }
}
