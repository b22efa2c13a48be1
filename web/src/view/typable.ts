/**
 * Lines that a page may offer, by the rules of the service.
 */

import { OFFER_BYTES } from "../protocol/generated.ts";

/** Controls, invisible characters, those that turn text around, and blanks other than a space. */
const NOT_SEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;

/** Throws for a line that the service would not type. */
export function checkOffer(line: string): void {
  const bytes = new TextEncoder().encode(line).length;
  if (line.trim() === "" || bytes > OFFER_BYTES || NOT_SEEN.test(line)) {
    throw new TypeError(`An offered line has 1 to ${OFFER_BYTES} bytes of printable characters.`);
  }
}
