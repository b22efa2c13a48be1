/**
 * Terminal bytes in the three spellings that JSON text has for them. Apart from the frames, because both directions need it.
 */

const encoder = new TextEncoder();

/** What a frame carries: valid UTF-8, base64, or base64 of raw deflate. */
export type Payload = { data: string } | { b64: string } | { z: string };

/** The bytes of `data` and `b64`; `undefined` for bad base64, and for `z`, which must be unpacked. */
export function payloadBytes(payload: Payload): Uint8Array | undefined {
  if ("data" in payload) return utf8(payload.data);
  return "b64" in payload ? fromBase64(payload.b64) : undefined;
}

/** The text's UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Padded base64. */
export function toBase64(bytes: Uint8Array): string {
  // In slices, because a call takes only so many arguments.
  const slice = 8192;
  let text = "";
  for (let at = 0; at < bytes.length; at += slice) text += String.fromCharCode(...bytes.subarray(at, at + slice));
  return btoa(text);
}

/** The bytes; `undefined` when it is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
    return bytes;
  } catch {
    return undefined;
  }
}
