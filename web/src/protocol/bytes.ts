/**
 * The encodings of terminal bytes in JSON.
 */

const encoder = new TextEncoder();

/** Valid UTF-8 as text, base64, or base64 of raw deflate. */
export type Payload = { data: string } | { b64: string } | { z: string };

/** Decodes `data` and `b64`; `undefined` for invalid base64, and for `z`, which must be decompressed. */
export function payloadBytes(payload: Payload): Uint8Array | undefined {
  if ("data" in payload) return encoder.encode(payload.data);
  return "b64" in payload ? fromBase64(payload.b64) : undefined;
}

/** Padded base64. */
export function toBase64(bytes: Uint8Array): string {
  // In slices, because the number of arguments of a call is limited.
  const slice = 8192;
  let text = "";
  for (let at = 0; at < bytes.length; at += slice) text += String.fromCharCode(...bytes.subarray(at, at + slice));
  return btoa(text);
}

/** Decodes base64; `undefined` if it is invalid. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
    return bytes;
  } catch {
    return undefined;
  }
}
