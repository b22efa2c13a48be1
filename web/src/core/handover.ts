/**
 * Make before break: opens and attaches a second connection while the first still works, and only then replaces it. So
 * neither the platform's limit on the age of a connection nor a new token interrupts the terminal.
 */

import { type Clock, Timer } from "./clock.ts";
import type { Times } from "./times.ts";

/** Delay after a failed handover, as a share of the handover window; doubles up to the maximum. */
const INITIAL_RETRY_SHARE = 1 / 100;
const MAX_RETRY_SHARE = 1 / 10;

export interface HandoverPort<C> {
  clock: Clock;
  times: Pick<Times, "handoverMs">;
  /** From 0 up to 1. */
  random: () => number;
  open(): C;
}

/** Schedules and holds the successor of the current connection. */
export class Handover<C extends { close(): void }> {
  #successor: C | undefined;
  #failures = 0;
  readonly #timer: Timer;

  constructor(private readonly port: HandoverPort<C>) {
    this.#timer = new Timer(port.clock);
  }

  /** The connection that is being opened. */
  get successor(): C | undefined {
    return this.#successor;
  }

  /** Schedules the successor of a connection that was just attached. */
  schedule(): void {
    this.stop();
    const [from, to] = this.port.times.handoverMs;
    this.#timer.set(from + this.port.random() * (to - from), () => this.begin());
  }

  /** Opens a successor now, instead of one that is being opened. */
  begin(): void {
    this.#timer.clear();
    this.#successor?.close();
    this.#successor = this.port.open();
  }

  /** Schedules another try after a failed one; the current connection stays in use. */
  failed(): void {
    this.#successor?.close();
    this.#successor = undefined;
    const [from, to] = this.port.times.handoverMs;
    const share = Math.min(MAX_RETRY_SHARE, INITIAL_RETRY_SHARE * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer.set((0.5 + this.port.random() / 2) * share * (to - from), () => this.begin());
  }

  /** Hands out the successor, which is then the connection in use, and stops. */
  take(): C | undefined {
    const successor = this.#successor;
    this.#successor = undefined;
    this.stop();
    return successor;
  }

  stop(): void {
    this.#timer.clear();
    this.#failures = 0;
    this.#successor?.close();
    this.#successor = undefined;
  }
}
