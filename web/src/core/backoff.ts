/**
 * When to try again: exponential with full jitter, so that a thousand pages that lost one service do not return as one.
 */

/** The upper bound of the first wait; doubles with every attempt. */
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** One series of attempts. */
export class Backoff {
  #attempt = 0;

  constructor(
    readonly most: number,
    private readonly random: () => number,
  ) {}

  /** The attempt that is under way, from 1. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The wait before the next attempt, in ms; `undefined` when there were enough. The very first does not wait. */
  next(wait = true): number | undefined {
    if (this.#attempt >= this.most) return undefined;
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return wait ? Math.round(this.random() * bound) : 0;
  }

  /** It worked. */
  reset(): void {
    this.#attempt = 0;
  }
}
