/**
 * Splits typed and pasted text into messages. Never splits a character or an escape sequence: a program that reads half
 * an arrow key takes it for Escape and a letter.
 */

/** The brackets of a paste (bracketed paste mode). */
const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** A longer run is not one escape sequence but text that happens to start with ESC. */
const MAX_SEQUENCE_LENGTH = 4096;

/** End of the unit that starts at `from`: a character, or a whole escape sequence. */
export function unitEnd(text: string, from: number): number {
  const code = text.charCodeAt(from);
  if (code !== 0x1b) return from + (isHighSurrogate(code) && isLowSurrogate(text.charCodeAt(from + 1)) ? 2 : 1);
  const end = sequenceEnd(text, from);
  return end - from > MAX_SEQUENCE_LENGTH ? from + 1 : Math.min(end, text.length);
}

function sequenceEnd(text: string, from: number): number {
  const at = from + 1;
  switch (text[at]) {
    case undefined:
      return at;
    case "\x1b":
      // Alt and a function key: ESC ESC [ A. Otherwise two Escapes are two keys.
      return text[at + 1] === "[" || text[at + 1] === "O" ? sequenceEnd(text, at) : at;
    case "[":
      return controlSequenceEnd(text, at + 1);
    case "O":
    case "N":
      return at + 2;
    case "]":
    case "P":
    case "X":
    case "^":
    case "_":
      return stringEnd(text, at + 1);
    default:
      // Alt and a character.
      return unitEnd(text, at);
  }
}

/** Parameters, intermediates, one final byte. X10 mouse reports have three more characters after the final M. */
function controlSequenceEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) >= 0x20 && text.charCodeAt(at) < 0x40) at += 1;
  return at === from && text[at] === "M" ? at + 4 : at + 1;
}

/** Up to and including BEL or ST. */
function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\x07") return at + 1;
    if (text[at] === "\x1b") return text[at + 1] === "\\" ? at + 2 : at;
    if (at - from > MAX_SEQUENCE_LENGTH) break;
  }
  return from + MAX_SEQUENCE_LENGTH + 1;
}

/** The end bracket, if `text` contains the end of a paste and not its start; else empty. */
export function unmatchedPasteEnd(text: string): string {
  const end = text.indexOf(PASTE_END);
  const start = text.indexOf(PASTE_START);
  return end >= 0 && (start < 0 || end < start) ? PASTE_END : "";
}

/** Length of `text[from..to]` inside a JSON string, in bytes. */
export function jsonBytes(text: string, from = 0, to = text.length): number {
  let bytes = 0;
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20) bytes += code === 8 || code === 9 || code === 10 || code === 12 || code === 13 ? 2 : 6;
    else if (code === 0x22 || code === 0x5c) bytes += 2;
    else if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (isHighSurrogate(code) && isLowSurrogate(text.charCodeAt(at + 1))) {
      bytes += 4;
      at += 1;
    } else bytes += 3;
  }
  return bytes;
}

/** End of the longest run of whole units from `from` that takes at most `maxBytes` of JSON; at least one unit. */
export function chunkEnd(text: string, from: number, maxBytes: number): number {
  let end = from;
  let used = 0;
  while (end < text.length) {
    const next = unitEnd(text, end);
    used += jsonBytes(text, end, next);
    if (used > maxBytes && end > from) break;
    end = next;
  }
  return end;
}

/** True if the last code unit is the first half of a surrogate pair. */
export function endsInHighSurrogate(text: string): boolean {
  return isHighSurrogate(text.charCodeAt(text.length - 1));
}

/** Replaces every lone surrogate, which strict JSON parsers reject. */
export function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
