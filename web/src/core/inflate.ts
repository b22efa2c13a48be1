/**
 * Decompresses raw deflate (`z` of a frame) off the main thread.
 */

/**
 * Decompresses into at most `most` bytes and calls `done` once, possibly later; with `undefined` if the data is corrupt
 * or longer. A callback and not a promise, so that tests control when.
 */
export type Inflate = (packed: Uint8Array, most: number, done: (bytes: Uint8Array | undefined) => void) => void;

/** The browser's; `undefined` if it does not support the format. */
export const browserInflate: Inflate | undefined = canInflate()
  ? (packed, most, done) => {
      inflate(packed, most).then(done, () => done(undefined));
    }
  : undefined;

function canInflate(): boolean {
  try {
    // Some browsers have the class without this format.
    return new DecompressionStream("deflate-raw") !== undefined;
  } catch {
    return false;
  }
}

async function inflate(packed: Uint8Array, most: number): Promise<Uint8Array | undefined> {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  // Errors surface at the reader.
  writer.write(packed as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > most) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(next.value);
  }
  return concat(chunks, length);
}

/** Joins chunks of `length` bytes in total. */
export function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
