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

  /** Whether there were as many as make a series. */
  get exhausted(): boolean {
    return this.#attempt >= this.most;
  }

  /** The wait before the next attempt, in ms, as if there had been so many more before it. */
  next(more = 0): number {
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#attempt + more));
    this.#attempt += 1;
    return Math.round(this.random() * bound);
  }

  /** The wait between two attempts that nobody counts, in ms. */
  seldom(): number {
    return Math.round(LONGEST_MS / 2 + (this.random() * LONGEST_MS) / 2);
  }

  /** It worked. */
  reset(): void {
    this.#attempt = 0;
  }
}
