/**
 * The service's rules for lines that a page offers, and for messages to a class.
 */

import { ANNOUNCEMENT_BYTES, OFFER_BYTES } from "../protocol/generated.ts";

/** Controls, invisible characters, those that turn text around, and blanks other than a space. */
const NOT_SEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;

/** Controls other than a line feed, and characters that turn text around. */
const NOT_TEXT = /(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u;

/** Why the service would refuse a message to the class; empty if it would not. */
export function announcementProblem(text: string, line: string): string {
  if (text.trim() === "") return "The message is empty";
  if (byteLength(text) > ANNOUNCEMENT_BYTES) return "The message is too long";
  if (NOT_TEXT.test(text)) return "The message has characters that cannot be seen: type it anew";
  if (line === "" || isTypable(line)) return "";
  return `The command must be one line of at most ${OFFER_BYTES} bytes, of printable characters`;
}

/** Throws for a line that the service would not type. */
export function checkOffer(line: string): void {
  if (!isTypable(line)) throw new TypeError(`An offered line has 1 to ${OFFER_BYTES} bytes of printable characters.`);
}

function isTypable(line: string): boolean {
  return line.trim() !== "" && byteLength(line) <= OFFER_BYTES && !NOT_SEEN.test(line);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
