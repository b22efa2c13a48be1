/**
 * Columns of characters. The service counts by the same table, or the rest of a line would move after a reload; and the
 * table is the C library's, by which most programs count: an emoji family has six columns for them. Programs that count
 * by clusters set mode 2027.
 */

import type { IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { END, GraphemeRules, JOINS, WIDENS } from "./graphemes.ts";
import { COMBINING, WIDE } from "./width-table.ts";

/** The planes of nearly all characters in use; for these the width is one look into an array. */
const COMMON = 0x2_0000;

/** The first code point of each run, and the first one after it. */
type Runs = ReadonlyArray<readonly [first: number, end: number]>;

/** The mode in which a cluster of characters stands in one place. */
const GRAPHEME_MODE = 2027;
/** Ends it, where the emulator is reset without a sequence. */
export const GRAPHEMES_OFF = `\x1b[?${GRAPHEME_MODE}l`;

/** Makes the terminal count columns as the service does, also in mode 2027; it needs `allowProposedApi`. */
export function installWidths(terminal: Terminal): void {
  const { unicode, parser } = terminal;
  const [single, clusters] = [new TermgateWidths(), new GraphemeWidths()];
  unicode.register(single);
  unicode.register(clusters);
  const use = ({ version }: IUnicodeVersionProvider) => {
    unicode.activeVersion = version;
    // The emulator's own handler runs next.
    return false;
  };
  use(single);
  for (const [final, provider] of [["h", clusters] as const, ["l", single] as const]) {
    parser.registerCsiHandler({ prefix: "?", final }, (modes) => modes.includes(GRAPHEME_MODE) && use(provider));
  }
  parser.registerCsiHandler({ intermediates: "!", final: "p" }, () => use(single));
  parser.registerEscHandler({ final: "c" }, () => use(single));
}

/** The widths in the form that xterm.js takes. */
export class TermgateWidths implements IUnicodeVersionProvider {
  readonly version: string = "termgate-16";
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

/** The widths of clusters: that of the widest character, and no character makes a cluster narrower. */
export class GraphemeWidths extends TermgateWidths {
  override readonly version = "termgate-16-graphemes";
  readonly #rules = new GraphemeRules();

  /** As above, with the end of the cluster from bit 3 on. */
  override charProperties(codepoint: number, preceding: number): number {
    const own = this.wcwidth(codepoint);
    const before = (preceding >> 1) & 3;
    const step = this.#rules.step(before === 0 ? 0 : preceding >> 3, codepoint);
    const end = (step & END) << 3;
    // A character without columns of its own joins in any case, as without the mode.
    if (before === 0 || (own > 0 && (step & JOINS) === 0)) return end | (own << 1);
    const columns = (step & WIDENS) !== 0 ? 2 : Math.max(before, own);
    return end | (columns << 1) | 1;
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
