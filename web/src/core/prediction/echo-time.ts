/**
 * The smoothed time from a key to its echo, and whether it is long enough for predictions to help.
 */

/** Weight of a new sample, as of TCP's round-trip time. */
const GAIN = 1 / 8;
/** Predictions begin above the first and end below the second, in ms. */
const SHOW_ABOVE_MS = 30;
const HIDE_BELOW_MS = 20;
/** The same for the line below unconfirmed characters. */
const UNDERLINE_ABOVE_MS = 80;
const PLAIN_BELOW_MS = 60;

export class EchoTime {
  #ms: number | undefined;
  /** True until the first echo was measured. */
  #estimated = true;
  #slow = false;
  #verySlow = false;

  /** Above 30 ms, until it falls below 20. */
  get slow(): boolean {
    return this.#slow;
  }

  /** Above 80 ms, until it falls below 60. */
  get verySlow(): boolean {
    return this.#verySlow;
  }

  /** Takes a round trip of another kind; it counts until the first echo is measured. */
  estimate(ms: number): void {
    if (this.#estimated) this.#set(ms);
  }

  /**
   * An echo came after `ms`, of which the service may have held it for up to `held`: it took no less than the rest. Within
   * that range the time so far stays.
   */
  measured(ms: number, held = 0): void {
    const sample = held && this.#ms !== undefined ? Math.min(Math.max(this.#ms, ms - held), ms) : ms;
    const before = this.#estimated ? sample : (this.#ms ?? sample);
    this.#estimated &&= held > 0;
    this.#set(before + (sample - before) * GAIN);
  }

  #set(ms: number): void {
    this.#ms = ms;
    this.#slow = ms > (this.#slow ? HIDE_BELOW_MS : SHOW_ABOVE_MS);
    this.#verySlow = ms > (this.#verySlow ? PLAIN_BELOW_MS : UNDERLINE_ABOVE_MS);
  }
}
