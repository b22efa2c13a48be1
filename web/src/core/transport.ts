/**
 * Keeps one usable connection open: opens the next when it is lost or before its time is up, and retries until an error
 * is final. Knows nothing of the messages, but for those that decide about a carrier.
 */

import { type Address, buildAddress, buildFallbackAddress, validateAddress, validateFallback } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { Carrier } from "./carrier.ts";
import { Timer } from "./clock.ts";
import { type CloseReason, closeReason } from "./close-reason.ts";
import { type AttachedFrame, type AttachRequest, Connection, type ConnectionHandlers } from "./connection.ts";
import { TerminalError } from "./error.ts";
import { Handover } from "./handover.ts";
import { HttpSocket } from "./http-socket.ts";
import type { ResolvedOptions } from "./options.ts";
import { type Route, RouteChoice } from "./route.ts";
import type { SocketFactory } from "./socket.ts";
import { accessOf, type TokenSource } from "./token.ts";

/** Minimum time between the starts of two attempts. */
const MIN_ATTEMPT_INTERVAL_MS = 1000;
/** Maximum jitter of an immediate attempt, so that pages that lost the same network do not return together. */
const MAX_IMMEDIATE_DELAY_MS = 250;
/** A connection that was lost before this age doubles the next delay. */
const STABLE_AGE_MS = 5000;
/** Time that a WebSocket has to open where there is another way: some networks let the handshake hang. */
const OPEN_MS = 5000;

const OFFLINE = new TerminalError("OFFLINE", "This browser is offline; the terminal reconnects when it is back.", true);

/** Reports to the session, in addition to those of the connections. */
export interface TransportHandlers extends Omit<ConnectionHandlers, "closed" | "mayCarry"> {
  /** Attempt number `attempt` of a series is due, from 1. */
  trying(attempt: number): void;
  /** The next attempt starts at `until`, in ms since 1970; null if none is planned. */
  waiting(until: number | null): void;
  /** The connection was lost; another attempt follows soon. */
  lost(error: TerminalError): void;
  /** No network, or all quick attempts failed: only slow retries follow. */
  offline(error: TerminalError): void;
  /** A new token was not accepted; the connection in use stays. */
  notRenewed(error: TerminalError): void;
  /** No other attempt would help. */
  failed(error: TerminalError): void;
}

export class Transport {
  #connection: Connection | undefined;
  #token: TokenSource;
  #running = false;
  #suspended = false;
  /** True while only slow retries are made. */
  #slow = false;
  /** The connection that was attached last, and when. */
  #youngest: Connection | undefined;
  #attachedAt = 0;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  readonly #choice: RouteChoice;
  /** Until a WebSocket is tried while HTTP is in use. */
  readonly #probe: Timer;
  /** True while the connection that is being opened beside HTTP is a WebSocket. */
  #probing = false;
  /** True while the connection that is being opened is the first with a new token. */
  #renewing = false;
  readonly #retry: Timer;
  readonly #backoff: Backoff;
  readonly #handover: Handover<Connection>;
  readonly #carrier: Carrier;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly handlers: TransportHandlers,
  ) {
    const { clock, times, random, log, maxAttempts, page, socket, clientId } = options;
    this.#token = options.token;
    this.#choice = new RouteChoice(options.fallbackUrl !== undefined);
    this.#probe = new Timer(clock);
    this.#retry = new Timer(clock);
    this.#backoff = new Backoff(maxAttempts, random);
    const open = () => {
      const route = this.#probing ? "websocket" : (this.#connection?.route ?? this.#choice.next);
      return this.#open(route, true, (url) => log.debug(`Connecting anew to ${url}, beside the first connection`));
    };
    this.#handover = new Handover({ clock, times, random, open });
    this.#carrier = new Carrier({
      ...{ clock, times, random, log, page, socket, clientId },
      token: () => this.#token,
      address: (token) => this.#address(token, true),
    });
  }

  get attached(): boolean {
    return this.#connection?.attached ?? false;
  }

  /** True once the connection has been attached, even if an attach is pending again. */
  get established(): boolean {
    return this.#connection?.established ?? false;
  }

  /** True if the next connection uses another token. */
  get renewable(): boolean {
    return this.#fetchesToken || this.#handover.successor !== undefined;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  /** Replaces a token that is about to expire by a handover, if one can be fetched. */
  refreshToken(): void {
    const idle = this.#suspended || !this.established || this.#handover.successor;
    if (this.#fetchesToken && !idle) this.#handover.begin();
  }

  access = () => accessOf(this.options, this.#token);

  /** Sets the token for the next connection; a new string causes a handover. Returns whether it is one. */
  setToken(token: TokenSource): boolean {
    const isNew = typeof token === "string" && token !== this.#token;
    this.#token = token;
    if (isNew && !this.#suspended) {
      this.#stopProbes();
      if (this.established) {
        this.#renewing = true;
        this.#handover.begin();
      } else this.wake();
    }
    return isNew;
  }

  /** Connects and stays connected; skips the delay of a pending attempt. */
  start(): void {
    if (this.#running) return this.wake();
    const { url, fallbackUrl, sessionId, page } = this.options;
    const invalid =
      validateAddress(url, sessionId, page.secure) ?? (fallbackUrl && validateFallback(fallbackUrl, page.secure));
    if (invalid) return this.handlers.failed(invalid);
    this.#running = true;
    // In a timer, because a page in strict mode mounts, unmounts and mounts again at once.
    this.#backoff.nextDelay();
    this.#scheduleAttempt(0);
  }

  stop(): void {
    this.#running = false;
    this.#suspended = false;
    this.#slow = false;
    this.#cancelRetry();
    this.#backoff.reset();
    this.#stopProbes();
    this.#handover.stop();
    this.#carrier.detached();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Something changed: probes the connection, or makes the next attempt at once. */
  wake(): void {
    if (!this.#running) return;
    const wasSuspended = this.#suspended;
    this.#suspended = false;
    this.#choice.reset();
    this.#carrier.active();
    this.#connection?.probe();
    if (this.#connection) {
      if (wasSuspended) this.#connection.attach();
    } else if (this.#slow || wasSuspended) {
      this.#backoff.reset();
      this.#slow = false;
      this.#backoff.nextDelay();
      this.#scheduleAttempt(this.#immediateDelay());
    } else if (this.#retry.pending) this.#scheduleAttempt(this.#immediateDelay());
  }

  /** The browser reports that there is no network. It may be wrong, and localhost needs none. */
  offline(): void {
    if (!this.#running || this.#suspended) return;
    this.#connection?.probe();
    if (this.#retry.pending && !this.#slow) this.#retrySlowly(OFFLINE);
  }

  /** Requests nothing any more, and does not replace a lost connection, until `wake`. */
  suspend(): void {
    this.options.log.debug("The page is hidden; suspending");
    this.#suspended = true;
    this.#cancelRetry();
    this.#stopProbes();
    this.#handover.stop();
    this.#carrier.detached();
    if (this.#connection?.attached) return this.#connection.suspend();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Keeps an idle host from closing the connection, and the service from ending a shell without one. */
  keepOpen(): void {
    this.#connection?.keepOpen();
  }

  windowKnown(): void {
    this.#connection?.windowKnown();
  }

  /** True if the connection's token only lets its bearer watch. */
  get watches(): boolean {
    return this.#connection?.watches ?? false;
  }

  /** The service works, but the session has not started: attaches again later, on the same connection. */
  attachLater(): void {
    this.#slow = false;
    // A connection that is cut after each answer counts as a failed one.
    if (this.options.clock.now() - this.#attemptedAt >= STABLE_AGE_MS) this.#backoff.reset();
    this.#connection?.attachLater();
  }

  /** Attaches again on the same connection; false if none is attached. */
  reattach(): boolean {
    if (!this.attached) return false;
    this.#connection?.attach();
    return true;
  }

  /** Replaces a connection that is of no use any more. */
  reconnect(why: string): void {
    this.#connection?.close();
    this.#lost(closeReason("CONNECTION_FAILED", why, "backoff"));
  }

  get #fetchesToken(): boolean {
    return typeof this.#token !== "string";
  }

  #immediateDelay(): number {
    return Math.round(this.options.random() * MAX_IMMEDIATE_DELAY_MS);
  }

  #scheduleAttempt(delay: number): void {
    const { clock, log } = this.options;
    const { attempt, maxAttempts } = this.#backoff;
    if (!this.#slow) this.handlers.trying(attempt);
    const after = Math.max(delay, this.#attemptedAt + MIN_ATTEMPT_INTERVAL_MS - clock.now());
    if (after > 0) this.handlers.waiting(clock.wall() + after);
    this.#retry.set(after, () => {
      this.#attemptedAt = clock.now();
      this.handlers.waiting(null);
      this.#connection = this.#open(this.#choice.next, false, (url) => {
        if (this.#slow) log.debug(`Connecting to ${url}`);
        else log.info(`Connecting to ${url} (attempt ${attempt}/${maxAttempts})`);
      });
    });
  }

  #cancelRetry(): void {
    this.#retry.clear();
    this.handlers.waiting(null);
  }

  #open(route: Route, standby: boolean, logOpening: (url: string) => void): Connection {
    const { clock, times, log, random, fetch, fallbackUrl, sessionId } = this.options;
    const http: SocketFactory = (url, [token]) => new HttpSocket(url, token ?? "", clock, fetch);
    const socket = route === "http" ? http : this.options.socket;
    const address = (token: string) => {
      if (route === "http" && fallbackUrl) return buildFallbackAddress(fallbackUrl, sessionId, token);
      return this.#address(token, false);
    };
    const openMs = fallbackUrl ? OPEN_MS : undefined;
    return new Connection(
      { clock, times, log, random, sessionId, socket, token: this.#token, address, standby, route, openMs },
      {
        ...this.handlers,
        opening: (displayUrl) => {
          logOpening(displayUrl);
          this.handlers.opening(displayUrl);
        },
        mayCarry: () => this.#carrier.firstMayCarry,
        frame: (frame) => {
          if (frame.type === "pong") this.#carrier.answered(frame);
          if (frame.type === "renew") this.#carrier.renew();
          this.handlers.frame(frame);
        },
        attached: (connection, frame, request) => this.#attached(connection, frame, request),
        closed: (connection, reason) => {
          if (connection === this.#connection) this.#lost(reason);
          else this.#standbyFailed(connection, reason);
        },
      },
    );
  }

  #address(token: string, carrier: boolean): Address {
    const { url, sessionId, tokenIn } = this.options;
    return buildAddress(url, sessionId, token, tokenIn, carrier);
  }

  #attached(connection: Connection, frame: AttachedFrame, request: AttachRequest): void {
    let former: Connection | undefined;
    if (connection === this.#handover.successor) {
      former = this.#connection;
      if (this.#probing) this.#choice.movedBack();
      this.#stopProbes();
      this.#renewing = false;
      this.#connection = this.#handover.take();
      this.#connection?.promote();
    }
    if (connection.route === "http" && !this.#probing && !this.#probe.pending) this.#scheduleProbe();
    this.#carrier.attached(frame);
    this.#backoff.reset();
    this.#slow = false;
    // A reattached connection is no younger than before.
    if (connection !== this.#youngest) {
      this.#youngest = connection;
      this.#attachedAt = this.options.clock.now();
      this.#handover.schedule();
    }
    this.handlers.attached(connection, frame, request);
    // Frames still in flight on the former connection are requested again.
    former?.close();
  }

  /** Tries a WebSocket while HTTP is in use: attached, it takes over. */
  #scheduleProbe(factor = this.#choice.nextDelayFactor()): void {
    const { times, random } = this.options;
    this.#probe.set((0.5 + random() / 2) * times.probeMs * factor, () => {
      // A hidden page does not try, and a handover goes first.
      if (!this.options.page.visible || this.#handover.successor || !this.attached) return this.#scheduleProbe(1);
      this.#probing = true;
      this.#handover.begin();
    });
  }

  #stopProbes(): void {
    this.#probe.clear();
    this.#probing = false;
  }

  #standbyFailed(connection: Connection, reason: CloseReason): void {
    if (this.#renewing) this.handlers.notRenewed(reason.error);
    this.#renewing = false;
    if (!this.#probing) return this.#handover.failed();
    this.#probing = false;
    this.#handover.schedule();
    this.options.log.debug(`WebSockets still do not work here (${reason.code})`);
    this.#scheduleProbe();
    // Its attach may have moved the frames to it.
    if (connection.opened) this.#connection?.attach();
  }

  #lost(reason: CloseReason): void {
    const { code, error } = reason;
    const { clock, log, page } = this.options;
    const established = this.#connection?.established ?? false;
    const route = this.#connection?.route ?? this.#choice.next;
    const lasted = established && clock.now() - this.#attachedAt >= STABLE_AGE_MS;
    if (!page.offline) this.#choice.ended(route, reason, lasted);
    const retry = this.#choice.mayHelp(reason) ? "backoff" : reason.retry;
    // The other way need not wait.
    const changes = route === "websocket" && this.#choice.next === "http";
    this.#connection = undefined;
    this.#stopProbes();
    this.#carrier.detached(reason.silent);
    // An established connection had a valid token; the next fetched one is valid again.
    const renewable = retry === "new token" && established && this.#fetchesToken;
    if ((retry === "new token" && !renewable) || retry === "never") return this.handlers.failed(error);
    if (this.#suspended) return this.handlers.trying(1);
    if (this.#backoff.exhausted || page.offline) return this.#retrySlowly(error);
    const unstable = established && !lasted;
    const backoffDelay = this.#backoff.nextDelay(unstable ? 1 : 0);
    const isImmediate = changes || (retry === "immediate" && !unstable);
    const delay = isImmediate ? this.#immediateDelay() : backoffDelay;
    const next = this.#handover.take();
    next?.promote();
    this.handlers.lost(error);
    if (!this.#running) return next?.close();
    if (next) {
      this.#connection = next;
      return this.handlers.trying(this.#backoff.attempt);
    }
    log.warn(`Connection lost (${code}), next attempt in ${delay}ms`);
    this.#scheduleAttempt(delay);
  }

  #retrySlowly(error: TerminalError): void {
    const { page } = this.options;
    this.#handover.stop();
    if (!this.#slow) {
      this.#slow = true;
      this.handlers.offline(page.offline ? OFFLINE : this.#exhausted(error));
    }
    // A hidden page tries again when it is shown.
    if (this.#running && page.visible) this.#scheduleAttempt(this.#backoff.slowDelay());
  }

  #exhausted({ message, code }: TerminalError): TerminalError {
    const attempts = `${this.#backoff.maxAttempts} connection attempts failed`;
    const sentence = `${attempts}; slow retries continue. Last error: ${message}`;
    return new TerminalError("MAX_RETRIES_EXCEEDED", sentence, true, { cause: code });
  }
}
