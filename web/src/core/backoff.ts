/**
 * Retry delays: exponential with full jitter, so that the pages that lost a service together do not return together.
 */

/** Upper bound of the first delay; doubles with every attempt. */
const INITIAL_DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;

export class Backoff {
  #attempt = 0;

  constructor(
    readonly maxAttempts: number,
    private readonly random: () => number,
  ) {}

  /** The current attempt, from 1. */
  get attempt(): number {
    return this.#attempt;
  }

  get exhausted(): boolean {
    return this.#attempt >= this.maxAttempts;
  }

  /** Starts the next attempt and returns its delay, in ms, as if `extra` more attempts had failed. */
  nextDelay(extra = 0): number {
    const bound = Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** (this.#attempt + extra));
    this.#attempt += 1;
    return Math.round(this.random() * bound);
  }

  /** The delay between slow retries, which are not counted, in ms. */
  slowDelay(): number {
    return Math.round(MAX_DELAY_MS / 2 + (this.random() * MAX_DELAY_MS) / 2);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
