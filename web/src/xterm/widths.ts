/**
 * Columns of characters. The service counts by the same table, or the rest of a line would move after a reload; and the
 * table is the C library's, by which most programs count. Not by graphemes: an emoji family would have two columns here
 * and six for the program.
 */

import type { IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { COMBINING, WIDE } from "./width-table.ts";

/** The planes of nearly all characters in use; for these the width is one look into an array. */
const COMMON = 0x2_0000;

/** The first code point of each run, and the first one after it. */
type Runs = ReadonlyArray<readonly [first: number, end: number]>;

/** Makes the terminal count columns as the service does; it needs `allowProposedApi`. */
export function installWidths(terminal: Terminal): void {
  const provider = new TermgateWidths();
  terminal.unicode.register(provider);
  terminal.unicode.activeVersion = provider.version;
}

/** The widths in the form that xterm.js takes. */
export class TermgateWidths implements IUnicodeVersionProvider {
  readonly version = "termgate-16";
  readonly #common = new Uint8Array(COMMON).fill(1).fill(0, 0, 0x20).fill(0, 0x7f, 0xa0);
  readonly #rareCombining: Runs;
  readonly #rareWide: Runs;

  constructor() {
    const [combining, wide] = [runs(COMBINING), runs(WIDE)];
    for (const [first, end] of combining) this.#common.fill(0, first, end);
    for (const [first, end] of wide) this.#common.fill(2, first, end);
    const isRare = ([, end]: readonly [number, number]) => end > COMMON;
    this.#rareCombining = combining.filter(isRare);
    this.#rareWide = wide.filter(isRare);
  }

  wcwidth(codepoint: number): 0 | 1 | 2 {
    if (codepoint < COMMON) return this.#common[codepoint] as 0 | 1 | 2;
    if (isIn(this.#rareCombining, codepoint)) return 0;
    return isIn(this.#rareWide, codepoint) ? 2 : 1;
  }

  /** Packs what xterm.js asks: the width in bits 1 and 2; in bit 0, whether the character joins the one before. */
  charProperties(codepoint: number, preceding: number): number {
    const width = this.wcwidth(codepoint);
    const before = (preceding >> 1) & 3;
    if (width > 0 || before === 0) return width << 1;
    return (before << 1) | 1;
  }
}

function runs(packed: string): Runs {
  const numbers = packed.split(" ").map((digits) => Number.parseInt(digits, 36));
  const found: Array<[number, number]> = [];
  let end = 0;
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const first = end + (numbers[at] ?? 0);
    end = first + (numbers[at + 1] ?? 0);
    found.push([first, end]);
  }
  return found;
}

function isIn(ranges: Runs, code: number): boolean {
  return ranges.some(([first, end]) => code >= first && code < end);
}
