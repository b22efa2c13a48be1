/**
 * The content of a file while it arrives. A browser may keep blobs outside of the page, on disk, so that the page holds a few
 * megabytes of a file of any size.
 */

/** Bytes that the page holds before they become a blob. */
export const HELD_BYTES = 4 * 1024 * 1024;

/** A type that no browser opens. */
const TYPE = "application/octet-stream";

export class Content {
  /** All but the latest bytes. */
  readonly #blobs: Blob[] = [];
  /** These. */
  #held: Uint8Array<ArrayBuffer>[] = [];
  /** Their number. */
  #heldBytes = 0;
  /** Bytes so far. */
  size = 0;

  add(piece: Uint8Array<ArrayBuffer>): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    this.size += piece.length;
    if (this.#heldBytes >= HELD_BYTES) this.#release();
  }

  /** The content without its last `left` bytes. */
  blob(left = 0): Blob {
    this.#release();
    return new Blob(this.#blobs, { type: TYPE }).slice(0, this.size - left, TYPE);
  }

  #release(): void {
    this.#blobs.push(new Blob(this.#held));
    [this.#held, this.#heldBytes] = [[], 0];
  }
}
