/**
 * Unpacks `z`: raw deflate, which puts many times its size into one frame. The browser does it, off to the side.
 */

/**
 * Unpacks into at most `most` bytes, and calls `done` once, possibly later; with `undefined` when it is corrupt or longer. A
 * callback and not a promise, so that a test decides when.
 */
export type Inflate = (packed: Uint8Array, most: number, done: (bytes: Uint8Array | undefined) => void) => void;

/** The browser's own; `undefined` where it cannot. */
export const browserInflate: Inflate | undefined = canInflate()
  ? (packed, most, done) => {
      inflate(packed, most).then(done, () => done(undefined));
    }
  : undefined;

function canInflate(): boolean {
  try {
    // Some browsers have the class and not this format.
    return new DecompressionStream("deflate-raw") !== undefined;
  } catch {
    return false;
  }
}

async function inflate(packed: Uint8Array, most: number): Promise<Uint8Array | undefined> {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  // What is wrong with it shows where it is read.
  writer.write(packed as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > most) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    pieces.push(next.value);
  }
  return joined(pieces, length);
}

/** One array of `length` bytes in all. */
export function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
