/**
 * A clock that only tests advance.
 */

import type { Clock } from "../../src/core/index.ts";

type Call = { at: number; run: () => void };

/** 2026, so that wall time is never confused with monotonic time. */
const EPOCH_MS = 1_780_000_000_000;

/** Delayed calls run in order when time passes them. */
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

  /** Number of pending calls, to detect leaks. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Advances time by `ms` and runs the calls that fall due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#calls.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }

  /** The machine sleeps: only the wall clock advances. */
  sleep(ms: number): void {
    this.#asleep += ms;
  }

  #next(until: number): Call | undefined {
    let first: Call | undefined;
    for (const call of this.#calls) if (call.at <= until && (!first || call.at < first.at)) first = call;
    return first;
  }
}
