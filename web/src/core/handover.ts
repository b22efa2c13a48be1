/**
 * Make before break: a second connection is opened and attached while the first still works, and takes its place only then. So
 * no platform's limit on the life of a connection, and no fresh token, is ever seen.
 */

import { type Clock, Timer } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Times } from "./times.ts";

/** A failed try is followed by another after this share of the time that is left for it, doubling up to the longest. */
const FIRST_SHARE = 1 / 100;
const LONGEST_SHARE = 1 / 10;

/** What a handover needs. */
export interface HandoverPort {
  clock: Clock;
  times: Times;
  /** From 0 up to 1. */
  random: () => number;
  /** Begins another connection. */
  open(): Connection;
}

/** The successor of one connection. */
export class Handover {
  #next: Connection | undefined;
  #failures = 0;
  readonly #timer: Timer;

  constructor(private readonly port: HandoverPort) {
    this.#timer = new Timer(port.clock);
  }

  /** The connection that is being made. */
  get next(): Connection | undefined {
    return this.#next;
  }

  /** A connection was attached: its successor is due some time from now. */
  schedule(): void {
    this.stop();
    const [from, to] = this.port.times.handoverMs;
    this.#timer.set(from + this.port.random() * (to - from), () => this.begin());
  }

  /** Makes it now; one that is being made already is given up. */
  begin(): void {
    this.#timer.clear();
    this.#next?.close();
    this.#next = this.port.open();
  }

  /** It could not be made. The first is still there; tries again, less often each time. */
  failed(): void {
    this.#next?.close();
    this.#next = undefined;
    const [from, to] = this.port.times.handoverMs;
    const share = Math.min(LONGEST_SHARE, FIRST_SHARE * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer.set((0.5 + this.port.random() / 2) * share * (to - from), () => this.begin());
  }

  /** Hands out what is being made. */
  take(): Connection | undefined {
    const next = this.#next;
    this.#next = undefined;
    this.stop();
    return next;
  }

  stop(): void {
    this.#timer.clear();
    this.#failures = 0;
    this.#next?.close();
    this.#next = undefined;
  }
}
