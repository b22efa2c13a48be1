/**
 * Acknowledges the output that the emulator has parsed: often enough to keep output flowing, rarely enough to save
 * messages.
 */

import { ACK_STEP_BYTES, MAX_ACK_DELAY_MS, MIN_SKIP_ACK_INTERVAL_MS } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";

export class Acknowledger {
  #acked = 0;
  #parsed = 0;
  /** Start of the stream; only positions after it are acknowledged. */
  #origin = 0;
  #step = ACK_STEP_BYTES;
  /** Positions that snapshots skipped since the last acknowledgement. */
  #skipped = 0;
  /** Time of the last acknowledgement of such positions. */
  #skipAckedAt = Number.NEGATIVE_INFINITY;
  #running = false;
  readonly #timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly send: (pos: number) => void,
  ) {
    this.#timer = new Timer(clock);
  }

  /** Starts on a new attachment, and repeats the last acknowledgement, which the previous connection may have lost. */
  start(step = ACK_STEP_BYTES): void {
    this.#acked = this.#origin;
    this.#step = step;
    this.#running = true;
    this.#timer.clear();
    this.parsed(this.#parsed);
  }

  stop(): void {
    this.#running = false;
    this.#timer.clear();
  }

  reset(pos: number): void {
    this.#parsed = pos;
    this.#acked = pos;
    this.#origin = pos;
    this.#skipped = 0;
    this.#timer.clear();
  }

  /** A snapshot stands for this many positions. They are acknowledged with it, but not as often as output. */
  skip(positions: number): void {
    this.#skipped += positions;
  }

  /** Records that the emulator has parsed everything before `pos`. */
  parsed(pos: number): void {
    this.#parsed = pos;
    if (!this.#running || pos <= this.#acked) return;
    if (pos - this.#acked - this.#skipped >= this.#step) return this.flush();
    if (this.#skipped >= this.#step) {
      const left = this.#skipAckedAt + MIN_SKIP_ACK_INTERVAL_MS - this.clock.now();
      if (left <= 0) this.flush();
      else this.#timer.set(left, () => this.flush());
    } else if (!this.#timer.pending) this.#timer.set(MAX_ACK_DELAY_MS, () => this.flush());
  }

  /** Position that the next outgoing message should carry; `undefined` if the service has it already. */
  piggyback(): number | undefined {
    if (!this.#running || this.#parsed <= this.#acked) return undefined;
    this.#timer.clear();
    if (this.#skipped >= this.#step) this.#skipAckedAt = this.clock.now();
    this.#skipped = 0;
    this.#acked = this.#parsed;
    return this.#acked;
  }

  /** Sends a pending acknowledgement now. */
  flush(): void {
    const pos = this.piggyback();
    if (pos !== undefined) this.send(pos);
  }
}
