/**
 * A second connection of the page, for an API Gateway that hands over the messages of one connection one after the
 * other: the run that carries the page's frames is started on it, so that keys on the first connection do not wait for
 * that run. The user sees nothing of it.
 */

import type { Attached, Dispatch, ErrorCode, Pong } from "../protocol/generated.ts";
import type { Address } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { CarrierConnection } from "./carrier-connection.ts";
import { type Clock, Timer } from "./clock.ts";
import { Handover } from "./handover.ts";
import type { Log } from "./log.ts";
import type { Page } from "./page.ts";
import type { SocketFactory } from "./socket.ts";
import type { Times } from "./times.ts";
import type { TokenSource } from "./token.ts";

/** Many pages learn of it from a `pong` at once, and do not open together. */
const MAX_LEARNED_DELAY_MS = 2000;
/** A run of the first connection that carried before the carrier came lasts no longer. */
const RELAY_LIFE_MS = 25_000;
/** Age of its replacement as a share of the first connection's, so that a page does not replace both together. */
const HANDOVER_SHARE = 0.85;
/** Codes after which only another attach helps. */
const UNATTACHED: readonly (ErrorCode | undefined)[] = ["FORBIDDEN", "NOT_ATTACHED", "STALE_EPOCH"];

export interface CarrierPort {
  clock: Clock;
  times: Times;
  log: Log;
  page: Page;
  socket: SocketFactory;
  /** From 0 up to 1. */
  random: () => number;
  clientId: () => string;
  /** The source of the next connection's token. */
  token(): TokenSource;
  address(token: string): Address;
}

export class Carrier {
  /** As far as known. */
  #dispatch: Dispatch | undefined;
  /** True if an answer was too late for the kind of dispatch that the service named, until one comes in time. */
  #doubted = false;
  /** Epoch of the attached shell; `undefined` while the first connection is not attached. */
  #epoch: number | undefined;
  #connection: CarrierConnection | undefined;
  /** Time since which carries have been answered, without a break. */
  #carriedSince: number | undefined;
  /** True if the carrier was refused in a way that another attach may change. */
  #unattached = false;
  #revoked = false;
  readonly #opening: Timer;
  readonly #backoff: Backoff;
  readonly #handover: Handover<CarrierConnection>;

  constructor(private readonly port: CarrierPort) {
    const { clock, random, times } = port;
    this.#opening = new Timer(clock);
    this.#backoff = new Backoff(Number.POSITIVE_INFINITY, random);
    const [from, to] = times.handoverMs;
    const handoverMs = [from * HANDOVER_SHARE, to * HANDOVER_SHARE] as const;
    this.#handover = new Handover({ clock, random, times: { handoverMs }, open: () => this.#connect() });
  }

  /** True while a run of the page's first connection may carry frames, and answers on it may wait for its end. */
  get firstMayCarry(): boolean {
    if (this.#dispatch === "concurrent") return false;
    return this.#carriedSince === undefined || this.port.clock.now() - this.#carriedSince < RELAY_LIFE_MS;
  }

  /** The first connection was attached. */
  attached({ epoch, dispatch }: Pick<Attached, "epoch" | "dispatch">): void {
    this.#epoch = epoch;
    this.#dispatch = this.#doubted && dispatch === "concurrent" ? undefined : dispatch;
    if (dispatch === "concurrent") return this.#close();
    if (this.#unattached) this.#opening.clear();
    this.#openAfter(this.#unattached ? this.#backoff.nextDelay() : 0);
    this.#unattached = false;
  }

  /** A `pong` has arrived: it may name the kind of dispatch. */
  answered({ dispatch, t }: Pick<Pong, "dispatch" | "t">): void {
    const { clock, times } = this.port;
    if (typeof t === "number" && clock.now() - t < times.pongMs) this.#doubted = false;
    // A service that is wrong about it sees from late messages, not from a connection that is given up each 15 s.
    if (this.#doubted && dispatch === "concurrent") return;
    if (dispatch === undefined || dispatch === this.#dispatch) return;
    this.#dispatch = dispatch;
    if (dispatch === "concurrent") this.#close();
    else this.#openAfter(this.port.random() * MAX_LEARNED_DELAY_MS);
  }

  /** The first connection was lost, perhaps because an answer did not come in time, or closed; or the page was hidden for long. */
  detached(silent = false): void {
    if (silent && this.#dispatch === "concurrent") this.#doubted = true;
    this.#epoch = undefined;
    this.#close();
  }

  /** The page was shown, went online, or the machine woke up. */
  active(): void {
    if (this.#connection?.silent) this.#close();
    if (!this.#unattached) this.#openAfter(0);
  }

  /** The service asks for a message that a relay can be granted to. */
  renew(): void {
    this.#connection?.carry();
  }

  #openAfter(ms: number): void {
    if (this.#connection || this.#opening.pending || !this.#wanted) return;
    this.#opening.set(ms, () => {
      this.#unattached = false;
      if (this.#wanted) this.#connection = this.#connect();
    });
  }

  get #wanted(): boolean {
    // A page that was hidden with a carrier keeps it until it is idle; one that is hidden opens none.
    return this.#epoch !== undefined && this.#dispatch === "serial" && !this.#revoked && this.port.page.visible;
  }

  #connect(): CarrierConnection {
    const { clock, socket, times, token, address, clientId, log } = this.port;
    log.debug("Opening a carrier, because messages of one connection wait for each other");
    return new CarrierConnection({
      ...{ clock, socket, address, token: token(), connectMs: times.connectMs },
      next: () => (this.#epoch === undefined ? undefined : { client: clientId(), epoch: this.#epoch }),
      retryDelay: () => this.#backoff.nextDelay(),
      carried: (connection, count) => this.#carried(connection, count),
      closed: (connection, why, code) => this.#closed(connection, why, code),
    });
  }

  #carried(connection: CarrierConnection, count: number): void {
    if (connection === this.#handover.successor) {
      const former = this.#connection;
      this.#connection = this.#handover.take();
      former?.close();
    }
    this.#carriedSince ??= this.port.clock.now();
    // One answer alone does not show that the connection lasts.
    if (count === 1) this.#handover.schedule();
    else this.#backoff.reset();
  }

  #closed(connection: CarrierConnection, why: string, code?: ErrorCode): void {
    const { log } = this.port;
    if (code === "REVOKED") {
      this.#revoked = true;
      return this.#close();
    }
    if (connection === this.#handover.successor) {
      log.debug(`Another carrier could not be opened (${why})`);
      return this.#handover.failed();
    }
    const next = this.#handover.take();
    this.#close();
    this.#connection = next;
    if (next) return;
    // A carry of an earlier shell says nothing about this one.
    this.#unattached = UNATTACHED.includes(code) && connection.epoch === this.#epoch;
    const delay = this.#unattached ? this.#backoff.slowDelay() : this.#backoff.nextDelay();
    log.debug(`The carrier was lost (${why}), next attempt in ${Math.round(delay)}ms`);
    this.#openAfter(delay);
  }

  #close(): void {
    this.#opening.clear();
    this.#handover.stop();
    this.#connection?.close();
    this.#connection = undefined;
    this.#carriedSince = undefined;
  }
}
