/**
 * Columns of characters about which all emulators and programs agree. Others are not predicted: a program that counts
 * differently moves the rest of the line.
 */

/** First and last code point of each range. */
type Ranges = ReadonlyArray<readonly [first: number, last: number]>;

/** ASCII, Latin, Greek, Cyrillic. Without the soft hyphen, and without combining marks. */
const NARROW: Ranges = [
  [0x20, 0x7e],
  [0xa1, 0xac],
  [0xae, 0x2ff],
  [0x391, 0x3a1],
  [0x3a3, 0x3ce],
  [0x400, 0x482],
  [0x48a, 0x52f],
];

/** Kana, ideographs, Hangul syllables, full-width forms. */
const WIDE: Ranges = [
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xff01, 0xff60],
];

/** The columns of a single character; `undefined` if they are not certain, or if it is not a single one. */
export function knownWidth(text: string): 1 | 2 | undefined {
  const code = text.codePointAt(0) ?? 0;
  if (text.length !== 1) return undefined;
  if (isIn(NARROW, code)) return 1;
  return isIn(WIDE, code) ? 2 : undefined;
}

function isIn(ranges: Ranges, code: number): boolean {
  return ranges.some(([first, last]) => code >= first && code <= last);
}
