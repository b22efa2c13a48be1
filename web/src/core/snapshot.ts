/**
 * Assembles a snapshot from its parts, which arrive in any order.
 */

import type { PositionedEvent, Snapshot } from "../protocol/generated.ts";
import { concat } from "./inflate.ts";

/** Bytes for a terminal of the snapshot's size, and the events that the snapshot replaces. */
export interface AssembledSnapshot {
  bytes: Uint8Array;
  events: PositionedEvent[];
}

/** Maximum size of all parts: many times that of a thousand lines. */
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;

/** The snapshot in progress; a newer one replaces it. */
export class SnapshotAssembler {
  #id = 0;
  /** The last id that is complete or void. */
  #done = 0;
  /** The id whose missing parts were requested again. */
  #requested = 0;
  #parts = new Map<number, { bytes: Uint8Array; events: PositionedEvent[] }>();
  #bytes = 0;
  #pos = 0;
  /** Highest part number so far. */
  #lastPart = 0;
  #received = 0;

  /** Number of useful parts ever received: a measure of progress. */
  get received(): number {
    return this.#received;
  }

  /** True if a part arrived before its predecessor, of a snapshot that is still useful at `pos`. */
  gap(pos: number): boolean {
    return this.#parts.size < this.#lastPart && this.#pos >= pos && this.#id !== this.#requested;
  }

  /** Takes one part and returns the snapshot if that completes it. Ignores late parts of older ones. */
  accept(frame: Snapshot, bytes: Uint8Array): AssembledSnapshot | undefined {
    if (frame.part < 1 || frame.part > frame.parts || frame.id < this.#id || frame.id <= this.#done) return undefined;
    if (frame.id !== this.#id) this.#begin(frame.id);
    this.#pos = frame.pos;
    if (this.#parts.has(frame.part) || this.#bytes + bytes.length > MAX_SNAPSHOT_BYTES) return undefined;
    this.#parts.set(frame.part, { bytes, events: frame.events ?? [] });
    this.#bytes += bytes.length;
    this.#lastPart = Math.max(this.#lastPart, frame.part);
    this.#received += 1;
    if (this.#parts.size < frame.parts) return undefined;
    const ordered = [...this.#parts].sort(([one], [other]) => one - other).map(([, part]) => part);
    const chunks = ordered.map((part) => part.bytes);
    const snapshot = { bytes: concat(chunks, this.#bytes), events: ordered.flatMap((part) => part.events) };
    this.drop();
    return snapshot;
  }

  /** Another snapshot was requested; missing parts of this one may still arrive. */
  requested(): void {
    this.#requested = this.#id;
  }

  /** Drops the snapshot in progress and ignores its later parts. */
  drop(): void {
    this.#done = this.#id;
    this.#begin(this.#id);
  }

  /** Starts another epoch, which counts its snapshots anew. */
  reset(): void {
    this.#done = 0;
    this.#requested = 0;
    this.#begin(0);
  }

  #begin(id: number): void {
    this.#id = id;
    this.#parts.clear();
    this.#bytes = 0;
    this.#lastPart = 0;
  }
}
