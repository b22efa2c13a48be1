/**
 * SHA-256 of files and streams, piece by piece: the browser's own takes a whole file at once, and is absent on pages that were
 * loaded over plain HTTP. Loaded when the first file passes.
 */

import { sha256 } from "@noble/hashes/sha2.js";

/** Bytes that are read at a time: short enough that the page answers in between. */
const PIECE_BYTES = 1024 * 1024;

export interface Digest {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

export function startDigest(): Digest {
  return sha256.create();
}

/** Bytes of a SHA-256. */
export const DIGEST_BYTES = 32;

/** Compares the last bytes of a stream with the SHA-256 of those before. */
export class DigestAtEnd {
  readonly #digest = startDigest();
  /** The latest bytes, which may be the last. */
  #last: Uint8Array = new Uint8Array(0);

  update(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#last.length + bytes.length);
    all.set(this.#last);
    all.set(bytes, this.#last.length);
    const end = Math.max(0, all.length - DIGEST_BYTES);
    this.#digest.update(all.subarray(0, end));
    this.#last = all.slice(end);
  }

  /** True if it is the right one. Call it once, at the end of the stream. */
  isRight(): boolean {
    return hexOf(this.#digest.digest()) === hexOf(this.#last);
  }
}

/** The SHA-256 of a file, unless `signal` ends it. */
export async function digestOf(file: Blob, signal: AbortSignal): Promise<Uint8Array> {
  const digest = startDigest();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    digest.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
    signal.throwIfAborted();
  }
  return digest.digest();
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The field `Content-Digest` of RFC 9530. */
export function digestField(digest: Uint8Array): string {
  return `sha-256=:${btoa(String.fromCharCode(...digest))}:`;
}
