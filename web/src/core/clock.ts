/**
 * Time as an argument, so that tests control it.
 */

export interface Clock {
  /** Monotonic time in ms. May stand still while the machine sleeps. */
  now(): number;
  /** Milliseconds since 1970; advances while the machine sleeps. */
  wall(): number;
  /** Calls `then` after `ms`; the returned function cancels the call. */
  after(ms: number, then: () => void): () => void;
}

export const browserClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, then) {
    const id = setTimeout(then, ms);
    return () => clearTimeout(id);
  },
};

/** At most one pending call. */
export class Timer {
  #cancel: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  get pending(): boolean {
    return this.#cancel !== undefined;
  }

  /** Replaces the pending call. */
  set(ms: number, then: () => void): void {
    this.clear();
    this.#cancel = this.clock.after(ms, () => {
      this.#cancel = undefined;
      then();
    });
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
