/**
 * Tells the service how far the emulator has parsed: often enough to keep output flowing, rarely enough to cost little.
 */

import { ACK_STEP_BYTES, ACK_WITHIN_MS } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";

/** One stream's acknowledgements. */
export class Acknowledger {
  #acked = 0;
  #parsed = 0;
  /** Where the stream began: there is nothing before it to acknowledge. */
  #from = 0;
  #step = ACK_STEP_BYTES;
  #running = false;
  readonly #timer: Timer;

  /** `send` gets every position to acknowledge. */
  constructor(
    clock: Clock,
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
    if (!this.#timer.pending) this.#timer.set(ACK_WITHIN_MS, () => this.flush());
  }

  /** What a message that goes now anyway says of it, if there is anything to say. */
  carried(): number | undefined {
    if (!this.#running || this.#parsed <= this.#acked) return undefined;
    this.#timer.clear();
    this.#acked = this.#parsed;
    return this.#acked;
  }

  /** Says it now. */
  flush(): void {
    const pos = this.carried();
    if (pos !== undefined) this.send(pos);
  }
}
