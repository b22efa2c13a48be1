/**
 * Time that only tests move.
 */

import type { Clock } from "../../src/core/index.ts";

type Call = { at: number; run: () => void };

/** 2026, so that nobody takes wall time for the other. */
const EPOCH_MS = 1_780_000_000_000;

/** Delayed calls run in their order when time is moved past them. */
export class FakeClock implements Clock {
  #now = 0;
  #asleep = 0;
  #calls = new Set<Call>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return EPOCH_MS + this.#now + this.#asleep;
  }

  after(ms: number, then: () => void): () => void {
    const call = { at: this.#now + ms, run: then };
    this.#calls.add(call);
    return () => void this.#calls.delete(call);
  }

  /** How many calls are pending: none may be left behind. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Moves time by `ms`, through every call that falls due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#calls.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }

  /** The machine sleeps: only the clock on the wall goes on. */
  sleep(ms: number): void {
    this.#asleep += ms;
  }

  #next(until: number): Call | undefined {
    let first: Call | undefined;
    for (const call of this.#calls) if (call.at <= until && (!first || call.at < first.at)) first = call;
    return first;
  }
}
