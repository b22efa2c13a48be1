/**
 * Collects the parts of a snapshot, which may arrive in any order, and gives it away when it is whole.
 */

import { payloadBytes } from "../protocol/bytes.ts";
import type { Snapshot } from "../protocol/generated.ts";

/** A whole snapshot: what to write into a reset terminal, and where the stream goes on. */
export interface WholeSnapshot {
  frame: Snapshot;
  bytes: Uint8Array;
}

/** The one snapshot that is on its way; a newer one replaces it. */
export class SnapshotParts {
  #id: number | undefined;
  #epoch = 0;
  #parts = new Map<number, Uint8Array>();

  /** Takes one part; the snapshot, when it was the last. */
  accept(frame: Snapshot): WholeSnapshot | undefined {
    const bytes = payloadBytes(frame);
    if (!bytes || frame.part < 1 || frame.part > frame.parts) return undefined;
    if (this.#epoch !== frame.epoch || this.#id === undefined || frame.id !== this.#id) {
      this.#epoch = frame.epoch;
      this.#id = frame.id;
      this.#parts.clear();
    }
    this.#parts.set(frame.part, bytes);
    if (this.#parts.size < frame.parts) return undefined;
    const whole = { frame, bytes: this.#joined(frame.parts) };
    this.clear();
    return whole;
  }

  clear(): void {
    this.#id = undefined;
    this.#parts.clear();
  }

  #joined(parts: number): Uint8Array {
    const ordered = Array.from({ length: parts }, (_, at) => this.#parts.get(at + 1) ?? new Uint8Array());
    const joined = new Uint8Array(ordered.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of ordered) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }
}
