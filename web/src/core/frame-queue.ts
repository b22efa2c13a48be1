/**
 * Decompresses stream frames in order. A frame that is being decompressed holds back those behind it, so that they do
 * not look like a gap in the stream.
 */

import { fromBase64 } from "../protocol/bytes.ts";
import { type Event as EventFrame, FRAME_RAW_BYTES, type Output, type Snapshot } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import type { Inflate } from "./inflate.ts";

/** Frames that belong to the session's stream. */
export type StreamFrame =
  | ({ type: "output" } & Output)
  | ({ type: "event" } & EventFrame)
  | ({ type: "snapshot" } & Snapshot);

/** `bytes` stays empty if decompression failed. */
type Entry = { frame: StreamFrame; bytes?: Uint8Array | undefined; ready: boolean };

/** Frames beyond this count as lost. */
const MAX_QUEUED_FRAMES = 512;
/** Decompression takes milliseconds; a frame that takes this long counts as lost. */
const INFLATE_TIMEOUT_MS = 5000;

export class FrameQueue {
  #queue: Entry[] = [];
  readonly #deadline: Timer;

  /** `deliver` receives decoded frames in order. Without `inflate`, compressed frames count as lost. */
  constructor(
    clock: Clock,
    private readonly inflate: Inflate | undefined,
    private readonly deliver: (frame: StreamFrame, bytes: Uint8Array) => void,
  ) {
    this.#deadline = new Timer(clock);
  }

  /** True if frames wait; later frames must wait behind them. */
  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** Queues a decoded frame, or one to decompress. Drops an invalid frame, which is requested again. */
  push(frame: StreamFrame, bytes: Uint8Array | undefined): void {
    if (bytes) this.#append({ frame, bytes, ready: true });
    else if ("z" in frame) this.#inflate(frame, frame.z);
  }

  clear(): void {
    this.#queue = [];
    this.#deadline.clear();
  }

  #inflate(frame: StreamFrame, z: string): void {
    const packed = fromBase64(z);
    if (!packed || !this.inflate) return;
    const entry: Entry = { frame, ready: false };
    if (!this.#append(entry)) return;
    this.inflate(packed, FRAME_RAW_BYTES, (bytes) => {
      if (entry.ready) return;
      entry.bytes = bytes;
      entry.ready = true;
      this.#release();
    });
    if (!entry.ready) this.#startDeadline();
  }

  #append(entry: Entry): boolean {
    if (this.#queue.length >= MAX_QUEUED_FRAMES) return false;
    this.#queue.push(entry);
    return true;
  }

  #release(): void {
    for (let next = this.#queue[0]; next?.ready; next = this.#queue[0]) {
      this.#queue.shift();
      this.#deadline.clear();
      if (next.bytes) this.deliver(next.frame, next.bytes);
    }
    if (this.#queue.length > 0) this.#startDeadline();
  }

  #startDeadline(): void {
    if (this.#deadline.pending) return;
    this.#deadline.set(INFLATE_TIMEOUT_MS, () => {
      const first = this.#queue[0];
      if (first) first.ready = true;
      this.#release();
    });
  }
}
