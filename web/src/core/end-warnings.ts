/**
 * Announced ends of the session, one per reason. Apart from the session, because a warning also expires by itself: its
 * cancellation may be lost with output that was skipped.
 */

import type { EndReason } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";

/** A warning expires this long after its time: clocks differ, and a shell takes time to exit. */
const EXPIRY_DELAY_MS = 15_000;
/** Longest delay that a browser's timer supports. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface Closing {
  reason: EndReason;
  /** In ms since 1970. */
  at: number;
}

export class EndWarnings {
  /** Time of the end by reason, in ms since 1970. */
  readonly #ends = new Map<EndReason, number>();
  readonly #expiry: Timer;

  /** `show` receives the warning that comes first, or null. */
  constructor(
    private readonly clock: Clock,
    private readonly show: (first: Closing | null) => void,
  ) {
    this.#expiry = new Timer(clock);
  }

  /** Adds a warning; replaces an earlier one with the same reason. */
  announce(reason: EndReason, at: number): void {
    this.#ends.set(reason, at);
    this.refresh();
  }

  cancel(reason: EndReason): void {
    if (this.#ends.delete(reason)) this.refresh();
  }

  clear(): void {
    this.#ends.clear();
    this.refresh();
  }

  /** Stops the timer; `refresh` starts it again. */
  stop(): void {
    this.#expiry.clear();
  }

  /** Drops expired warnings and shows the first of the others. */
  refresh(): void {
    const now = this.clock.wall();
    let first: Closing | null = null;
    for (const [reason, at] of this.#ends) {
      if (at + EXPIRY_DELAY_MS <= now) this.#ends.delete(reason);
      else if (!first || at < first.at) first = { reason, at };
    }
    this.#expiry.clear();
    if (first) this.#expiry.set(Math.min(first.at + EXPIRY_DELAY_MS - now, MAX_TIMER_MS), () => this.refresh());
    this.show(first);
  }
}
