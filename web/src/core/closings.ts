/**
 * The ends that the service has announced, one of each reason, until it takes them back. Apart from the conversation, because an
 * announcement may also just grow old: what was to take it back may be among output that was skipped.
 */

import type { EndReason } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";

/** An end whose time has passed by this much, and that did not come, does not come. Clocks differ, and a shell takes its time. */
const VOID_AFTER_MS = 15_000;
/** Longest time that a browser's timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** An announced end: when, in ms since 1970, and why. */
export interface Closing {
  reason: EndReason;
  at: number;
}

/** Tells `show` which end comes first, or that none does. */
export class Closings {
  readonly #all = new Map<EndReason, number>();
  readonly #old: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly show: (first: Closing | null) => void,
  ) {
    this.#old = new Timer(clock);
  }

  /** The service says that the session will end; the latest word counts. */
  announced(reason: EndReason, at: number): void {
    this.#all.set(reason, at);
    this.look();
  }

  /** The service takes it back. */
  takenBack(reason: EndReason): void {
    if (this.#all.delete(reason)) this.look();
  }

  /** It is over. */
  clear(): void {
    this.#all.clear();
    this.look();
  }

  /** Nobody listens for a while. */
  rest(): void {
    this.#old.clear();
  }

  /** Tells what stands now. */
  look(): void {
    const now = this.clock.wall();
    let first: Closing | null = null;
    for (const [reason, at] of this.#all) {
      if (at + VOID_AFTER_MS <= now) this.#all.delete(reason);
      else if (!first || at < first.at) first = { reason, at };
    }
    this.#old.clear();
    if (first) this.#old.set(Math.min(first.at + VOID_AFTER_MS - now, LONGEST_MS), () => this.look());
    this.show(first);
  }
}
