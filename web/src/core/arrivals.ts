/**
 * Frames of the stream on their way in: each with its bytes, in the order in which they came. One that must be unpacked first
 * holds up those behind it, so that nobody takes it for lost.
 */

import { fromBase64, payloadBytes } from "../protocol/bytes.ts";
import { type Event as EventFrame, FRAME_RAW_BYTES, type Output, type Snapshot } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import type { Inflate } from "./inflate.ts";

/** Frames that belong to the stream. */
export type StreamFrame =
  | ({ type: "output" } & Output)
  | ({ type: "event" } & EventFrame)
  | ({ type: "snapshot" } & Snapshot);

/** A frame, and the bytes that it stands for; an event has none. */
export interface Arrived {
  frame: StreamFrame;
  bytes: Uint8Array;
}

type Entry = { frame: StreamFrame; bytes?: Uint8Array | undefined; ready: boolean };

/** Frames that wait behind one, at most; what comes beyond counts as lost. */
const WAITING_FRAMES = 512;
/** Unpacking takes milliseconds; what takes this long never ends. */
const UNPACK_MS = 5000;

const NONE = new Uint8Array();

/** The way from the connection to the stream. */
export class Arrivals {
  #queue: Entry[] = [];
  readonly #deadline: Timer;

  /** `deliver` gets every frame that can be read. Without `inflate`, those with `z` cannot. */
  constructor(
    clock: Clock,
    private readonly inflate: Inflate | undefined,
    private readonly deliver: (arrived: Arrived) => void,
  ) {
    this.#deadline = new Timer(clock);
  }

  /** Whether something arrived that was not handed on yet. */
  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** Takes one. What cannot be read counts as lost: it will be asked for again. */
  accept(frame: StreamFrame): void {
    if (frame.type !== "event" && "z" in frame) return this.#unpack(frame);
    const bytes = frame.type === "event" ? NONE : payloadBytes(frame);
    if (!bytes) return;
    if (this.#queue.length === 0) return this.deliver({ frame, bytes });
    this.#push({ frame, bytes, ready: true });
  }

  /** What waits is of no interest any more. */
  clear(): void {
    this.#queue = [];
    this.#deadline.clear();
  }

  #unpack(frame: StreamFrame & { z: string }): void {
    const packed = fromBase64(frame.z);
    if (!packed || !this.inflate) return;
    const entry: Entry = { frame, ready: false };
    if (!this.#push(entry)) return;
    this.inflate(packed, FRAME_RAW_BYTES, (bytes) => {
      if (entry.ready) return;
      entry.bytes = bytes;
      entry.ready = true;
      this.#release();
    });
    if (!entry.ready) this.#watch();
  }

  #push(entry: Entry): boolean {
    if (this.#queue.length >= WAITING_FRAMES) return false;
    this.#queue.push(entry);
    return true;
  }

  #release(): void {
    for (let next = this.#queue[0]; next?.ready; next = this.#queue[0]) {
      this.#queue.shift();
      this.#deadline.clear();
      if (next.bytes) this.deliver({ frame: next.frame, bytes: next.bytes });
    }
    if (this.#queue.length > 0) this.#watch();
  }

  #watch(): void {
    if (this.#deadline.pending) return;
    this.#deadline.set(UNPACK_MS, () => {
      const first = this.#queue[0];
      if (first) first.ready = true;
      this.#release();
    });
  }
}
