/**
 * Clusters of characters that stand in one place, by the rules of Unicode (UAX 29): an emoji of several people, a flag, a
 * letter with its marks. They count while mode 2027 is set. The service has the same rules and the same table
 * (`crates/vt/src/graphemes.rs`, which explains each name), because a line with other columns there would move after a
 * reload.
 */

import { CLASSES } from "./grapheme-table.ts";

/** How a character joins others; numbered as in the table. */
const CLASS_NAMES = [
  ...(["Other", "Control", "Extend", "NonLinking", "Zwj", "Linker", "Spacing", "Prepend", "Regional"] as const),
  ...(["L", "V", "T", "Lv", "Lvt", "Consonant", "Pictographic", "Emoji", "Keycap"] as const),
] as const;
type Class = (typeof CLASS_NAMES)[number];

/** The end of a cluster, as far as the next character depends on it. */
const ENDS = [
  ...(["Other", "Control", "Prepend", "Flag", "L", "V", "T", "Pictographic", "Emoji", "Joiner"] as const),
  ...(["Keycap", "Consonant", "Linked"] as const),
] as const;
type End = (typeof ENDS)[number];

/** Variation selector 16: the emoji before it is shown in colour, in two columns. */
const VS16 = 0xfe0f;
/** First and last Hangul syllable, and the number of those with the same beginning. */
const SYLLABLES = { first: 0xac00, last: 0xd7a3, beginning: 28 };

/** Parts of a step's number: the new end of the cluster, and two flags. */
export const END = 0x0f;
/** The character belongs to the cluster before it. */
export const JOINS = 0x10;
/** The cluster has two columns from here on. */
export const WIDENS = 0x20;

/** The rules, with the table in a form in which it is searched fast. */
export class GraphemeRules {
  readonly #lasts: Uint32Array;
  readonly #firsts: Uint32Array;
  readonly #classes: Uint8Array;
  /** Steps by end and class, but for variation selector 16. */
  readonly #steps = Uint8Array.from(ENDS.flatMap((end) => CLASS_NAMES.map((name) => stepOf(end, name))));

  constructor() {
    const numbers = CLASSES.split(" ").map((digits) => Number.parseInt(digits, 36));
    const count = numbers.length / 3;
    this.#firsts = new Uint32Array(count);
    this.#lasts = new Uint32Array(count);
    this.#classes = new Uint8Array(count);
    let next = 0;
    for (let at = 0; at < count; at += 1) {
      const [distance = 0, length = 0, number = 0] = numbers.slice(3 * at, 3 * at + 3);
      this.#firsts[at] = next + distance;
      next += distance + length;
      this.#lasts[at] = next - 1;
      this.#classes[at] = number;
    }
  }

  /** Takes the next character after a cluster with this end, 0 for none. Returns the parts above. */
  step(end: number, codepoint: number): number {
    const step = this.#steps[end * CLASS_NAMES.length + this.#class(codepoint)] ?? 0;
    const takesSelector = ENDS[end] === "Emoji" || ENDS[end] === "Keycap";
    return codepoint === VS16 && takesSelector ? step | WIDENS : step;
  }

  #class(codepoint: number): number {
    const { first, last, beginning } = SYLLABLES;
    if (codepoint >= first && codepoint <= last) {
      return CLASS_NAMES.indexOf((codepoint - first) % beginning === 0 ? "Lv" : "Lvt");
    }
    let [low, high] = [0, this.#lasts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lasts[middle] ?? 0) < codepoint) low = middle + 1;
      else high = middle;
    }
    return codepoint >= (this.#firsts[low] ?? Number.POSITIVE_INFINITY) ? (this.#classes[low] ?? 0) : 0;
  }
}

function stepOf(end: End, name: Class): number {
  const widens = end === "Flag" && name === "Regional";
  return ENDS.indexOf(endAfter(end, name)) | (joins(end, name) ? JOINS : 0) | (widens ? WIDENS : 0);
}

function joins(end: End, name: Class): boolean {
  if (name === "Control" || end === "Control") return false;
  switch (name) {
    case "Extend":
    case "NonLinking":
    case "Zwj":
    case "Linker":
    case "Spacing":
      return true;
  }
  if (end === "Prepend") return true;
  switch (name) {
    case "Regional":
      return end === "Flag";
    case "L":
    case "Lv":
    case "Lvt":
      return end === "L";
    case "V":
      return end === "L" || end === "V";
    case "T":
      return end === "V" || end === "T";
    case "Consonant":
      return end === "Linked";
    case "Pictographic":
    case "Emoji":
      return end === "Joiner";
    default:
      return false;
  }
}

function endAfter(end: End, name: Class): End {
  const isPicture = end === "Pictographic" || end === "Emoji";
  const isIndic = end === "Consonant" || end === "Linked";
  switch (name) {
    case "Control":
    case "Prepend":
    case "L":
    case "Consonant":
    case "Pictographic":
    case "Emoji":
    case "Keycap":
      return name;
    case "Regional":
      return end === "Flag" ? "Other" : "Flag";
    case "V":
    case "Lv":
      return "V";
    case "T":
    case "Lvt":
      return "T";
    case "Zwj":
      return isPicture ? "Joiner" : isIndic ? end : "Other";
    case "Extend":
      return isPicture ? "Pictographic" : isIndic ? end : "Other";
    case "Linker":
      return isPicture ? "Pictographic" : isIndic ? "Linked" : "Other";
    case "NonLinking":
      return isPicture ? "Pictographic" : "Other";
    default:
      return "Other";
  }
}
