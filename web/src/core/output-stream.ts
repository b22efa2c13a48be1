/**
 * Orders the session's stream: delivers each position once, however the transport repeats or reorders.
 */

import type { Event as EventFrame } from "../protocol/generated.ts";

/** Bytes, each at a position, or an event, which takes one position. */
export type StreamItem = { pos: number; bytes: Uint8Array } | { pos: number; event: EventFrame };

/** Limits of frames that are held until their predecessor arrives; frames beyond them are requested again. */
const MAX_HELD_FRAMES = 1000;
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export class OutputStream {
  #epoch = 0;
  #pos = 0;
  #head = 0;
  /** Early items by position. */
  #held = new Map<number, StreamItem>();
  #heldBytes = 0;

  /** `deliver` receives the items in order. */
  constructor(private readonly deliver: (item: StreamItem) => void) {}

  get epoch(): number {
    return this.#epoch;
  }

  /** Everything before this position was delivered. */
  get pos(): number {
    return this.#pos;
  }

  /** Highest known position of the stream. */
  get head(): number {
    return this.#head;
  }

  /** True if an item arrived before its predecessor. */
  get gap(): boolean {
    return this.#held.size > 0;
  }

  /** Continues at `pos`, which is further back if history was requested. */
  start(epoch: number, pos: number): void {
    if (epoch !== this.#epoch) this.#head = 0;
    this.#epoch = epoch;
    this.#pos = pos;
    this.reach(pos);
    this.#held.clear();
    this.#heldBytes = 0;
  }

  /** Continues behind a snapshot. */
  skipTo(pos: number): void {
    this.#pos = pos;
    this.reach(pos);
    this.#release();
  }

  reach(head: number): void {
    this.#head = Math.max(this.#head, head);
  }

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
    if (this.#held.size >= MAX_HELD_FRAMES || this.#heldBytes + size > MAX_HELD_BYTES) return;
    if (same) this.#heldBytes -= end(same) - same.pos;
    this.#held.set(item.pos, item);
    this.#heldBytes += size;
  }

  #release(): void {
    while (this.#held.size > 0) {
      // Usually the next item begins exactly here; after a repair, frames may overlap.
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

/** The position after an item. */
function end(item: StreamItem): number {
  return item.pos + ("bytes" in item ? item.bytes.length : 1);
}
