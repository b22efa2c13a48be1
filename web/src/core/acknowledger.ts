/**
 * Tells the service how far the emulator has parsed: often enough to keep output flowing, rarely enough to cost little.
 */

import { ACK_STEP_BYTES } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";

/** Quiet for this long: acknowledge. */
const QUIET_MS = 500;
/** Never later than this after the first byte that is not acknowledged; the service suspects loss after 2 s. */
const LONGEST_MS = 1000;

/** One stream's acknowledgements. */
export class Acknowledger {
  #acked = 0;
  #parsed = 0;
  /** Where the stream began: there is nothing before it to acknowledge. */
  #from = 0;
  #since = 0;
  #step = ACK_STEP_BYTES;
  #running = false;
  readonly #timer: Timer;

  /** `send` gets every position to acknowledge. */
  constructor(
    private readonly clock: Clock,
    private readonly send: (pos: number) => void,
  ) {
    this.#timer = new Timer(clock);
  }

  /** A connection is attached. What was said on an earlier one may be lost, so it is said again. */
  start(step = ACK_STEP_BYTES): void {
    this.#acked = this.#from;
    this.#step = step;
    this.#running = true;
    this.#timer.clear();
    this.parsed(this.#parsed);
  }

  /** No connection is attached. */
  stop(): void {
    this.#running = false;
    this.#timer.clear();
  }

  /** The stream starts again elsewhere. */
  reset(pos: number): void {
    this.#parsed = pos;
    this.#acked = pos;
    this.#from = pos;
    this.#timer.clear();
  }

  /** The emulator has parsed everything before `pos`. */
  parsed(pos: number): void {
    this.#parsed = pos;
    if (!this.#running || pos <= this.#acked) return;
    if (pos - this.#acked >= this.#step) return this.flush();
    const now = this.clock.now();
    if (!this.#timer.pending) this.#since = now;
    this.#timer.set(Math.min(QUIET_MS, Math.max(0, this.#since + LONGEST_MS - now)), () => this.flush());
  }

  /** Says it now. */
  flush(): void {
    this.#timer.clear();
    if (!this.#running || this.#parsed <= this.#acked) return;
    this.#acked = this.#parsed;
    this.send(this.#acked);
  }
}
