/**
 * Time as an argument, so that tests move it, and a slot for one pending call, so that no timer is forgotten.
 */

/** Time, and delayed calls. */
export interface Clock {
  /** Monotonic milliseconds since some fixed moment. May stand still while the machine sleeps. */
  now(): number;
  /** Milliseconds since 1970, which go on while the machine sleeps. */
  wall(): number;
  /** Calls `then` after `ms`; the answer takes it back. */
  after(ms: number, then: () => void): () => void;
}

/** The browser's own. */
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

  /** Replaces what was pending. */
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
