/**
 * Delay before unacknowledged input is sent again: a little more than an acknowledgement takes on this connection, as TCP
 * does it (RFC 6298).
 */

/** Until an acknowledgement was measured, and at most without repeats. */
const FIRST_MS = 1000;
const MIN_MS = 300;
/** Each repeat doubles the delay, up to this one. */
const MAX_MS = 8000;

export class ResendDelay {
  /** Average time until an acknowledgement, and its average deviation; none are known before the first. */
  #average: number | undefined;
  #deviation = 0;
  /** Times that the delay was doubled. */
  #repeats = 0;

  get ms(): number {
    const measured = this.#average === undefined ? FIRST_MS : this.#average + 4 * this.#deviation;
    return Math.min(Math.max(measured, MIN_MS), FIRST_MS) * 2 ** this.#repeats;
  }

  /** A message was acknowledged after `ms`. One that was sent twice tells nothing: the answer may be to either. */
  measure(ms: number): void {
    if (this.#average === undefined) {
      this.#average = ms;
      this.#deviation = ms / 2;
      return;
    }
    this.#deviation += (Math.abs(ms - this.#average) - this.#deviation) / 4;
    this.#average += (ms - this.#average) / 8;
  }

  /** Everything was sent again. */
  repeated(): void {
    if (this.ms * 2 <= MAX_MS) this.#repeats += 1;
  }

  /** An acknowledgement came: the next delay is not doubled. */
  progress(): void {
    this.#repeats = 0;
  }

  /** Another connection is used, which may be slower. */
  forget(): void {
    this.#average = undefined;
    this.progress();
  }
}
