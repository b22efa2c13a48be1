/**
 * Puts the session's stream in order: each position once, whatever the transport repeats or reorders.
 */

import type { Event as EventFrame } from "../protocol/generated.ts";

/** A piece of the stream: bytes, each at a position, or an event at one. */
export type StreamItem = { pos: number; bytes: Uint8Array } | { pos: number; event: EventFrame };

/** Early frames that are held, at most; what comes beyond is asked for again. */
const HELD_FRAMES = 1000;
/** Bytes in early frames that are held, at most. */
const HELD_BYTES = 8 * 1024 * 1024;

/** One life of a session's stream, as far as it has come. */
export class OutputStream {
  #epoch = 0;
  #pos = 0;
  #head = 0;
  #held = new Map<number, StreamItem>();
  #heldBytes = 0;

  /** `deliver` gets every piece in order. */
  constructor(private readonly deliver: (item: StreamItem) => void) {}

  get epoch(): number {
    return this.#epoch;
  }

  /** Everything before it was delivered. */
  get pos(): number {
    return this.#pos;
  }

  /** The furthest that the stream is known to reach. */
  get head(): number {
    return this.#head;
  }

  /** Whether something arrived whose predecessor did not. */
  get gap(): boolean {
    return this.#held.size > 0;
  }

  /** Goes on at `pos`, which may be further back when history is asked for anew. */
  start(epoch: number, pos: number): void {
    if (epoch !== this.#epoch) this.#head = 0;
    this.#epoch = epoch;
    this.#pos = pos;
    this.reach(pos);
    this.#held.clear();
    this.#heldBytes = 0;
  }

  /** Continues behind a snapshot; what is held beyond it stays. */
  skipTo(pos: number): void {
    this.#pos = pos;
    this.reach(pos);
    this.#release();
  }

  /** The stream is at least this long. */
  reach(head: number): void {
    this.#head = Math.max(this.#head, head);
  }

  /** Takes one piece of this epoch. */
  accept(item: StreamItem): void {
    this.reach(end(item));
    if (item.pos <= this.#pos) {
      this.#append(item);
      this.#release();
    } else this.#hold(item);
  }

  #append(item: StreamItem): void {
    const last = end(item);
    if (last <= this.#pos) return;
    const old = this.#pos - item.pos;
    this.#pos = last;
    this.deliver("bytes" in item && old > 0 ? { pos: item.pos + old, bytes: item.bytes.subarray(old) } : item);
  }

  #hold(item: StreamItem): void {
    const size = end(item) - item.pos;
    const same = this.#held.get(item.pos);
    if (same && end(same) >= end(item)) return;
    if (this.#held.size >= HELD_FRAMES || this.#heldBytes + size > HELD_BYTES) return;
    if (same) this.#heldBytes -= end(same) - same.pos;
    this.#held.set(item.pos, item);
    this.#heldBytes += size;
  }

  #release(): void {
    while (this.#held.size > 0) {
      // Usually the next one begins exactly here; after a repair with other cuts it may overlap.
      const next = this.#held.get(this.#pos) ?? this.#overlapping();
      if (!next) return;
      this.#held.delete(next.pos);
      this.#heldBytes -= end(next) - next.pos;
      this.#append(next);
    }
  }

  #overlapping(): StreamItem | undefined {
    for (const item of this.#held.values()) if (item.pos < this.#pos) return item;
    return undefined;
  }
}

/** The position behind an item: each byte occupies one, and each event. */
function end(item: StreamItem): number {
  return item.pos + ("bytes" in item ? item.bytes.length : 1);
}
