/**
 * Collects the parts of a snapshot, which may arrive in any order, and gives it away when it is whole.
 */

import type { Placed, Snapshot } from "../protocol/generated.ts";
import { joined } from "./inflate.ts";

/** A whole snapshot: what to write into a terminal of its size, and what happened meanwhile besides output. */
export interface WholeSnapshot {
  bytes: Uint8Array;
  events: Placed[];
}

/** All parts together, at most: many times what a thousand lines take. In bytes. */
const LARGEST = 64 * 1024 * 1024;

/** The one snapshot that is on its way; a newer one replaces it. */
export class SnapshotParts {
  #id = 0;
  #done = 0;
  #asked = 0;
  #parts = new Map<number, { bytes: Uint8Array; events: Placed[] }>();
  #bytes = 0;
  #pos = 0;
  #last = 0;
  #received = 0;

  /** Useful parts that ever came, so that one can see whether any still do. */
  get received(): number {
    return this.#received;
  }

  /** Whether a part came although one before it did not, of a snapshot that is still of use to who has all before `pos`. */
  gap(pos: number): boolean {
    return this.#parts.size < this.#last && this.#pos >= pos && this.#id !== this.#asked;
  }

  /** Takes one part; the snapshot, when it was the last. Late parts of older ones are ignored. */
  accept(frame: Snapshot, bytes: Uint8Array): WholeSnapshot | undefined {
    if (frame.part < 1 || frame.part > frame.parts || frame.id < this.#id || frame.id <= this.#done) return undefined;
    if (frame.id !== this.#id) this.#begin(frame.id);
    this.#pos = frame.pos;
    if (this.#parts.has(frame.part) || this.#bytes + bytes.length > LARGEST) return undefined;
    this.#parts.set(frame.part, { bytes, events: frame.events ?? [] });
    this.#bytes += bytes.length;
    this.#last = Math.max(this.#last, frame.part);
    this.#received += 1;
    if (this.#parts.size < frame.parts) return undefined;
    const ordered = [...this.#parts].sort(([one], [other]) => one - other).map(([, part]) => part);
    const pieces = ordered.map((part) => part.bytes);
    const whole = { bytes: joined(pieces, this.#bytes), events: ordered.flatMap((part) => part.events) };
    this.#done = frame.id;
    this.#begin(frame.id);
    return whole;
  }

  /** Another one was asked for. What is missing of this one may still come, but nobody waits for it. */
  asked(): void {
    this.#asked = this.#id;
  }

  /** What was begun is of no interest any more, nor what comes of it. */
  drop(): void {
    this.#done = this.#id;
    this.#begin(this.#id);
  }

  /** Another life of the shell counts its snapshots anew. */
  forget(): void {
    this.#done = 0;
    this.#asked = 0;
    this.#begin(0);
  }

  #begin(id: number): void {
    this.#id = id;
    this.#parts.clear();
    this.#bytes = 0;
    this.#last = 0;
  }
}
