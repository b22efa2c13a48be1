/**
 * A recording as text: its marks, what was printed, and when. Pure.
 */

/** A place in a recording. */
export interface Mark {
  /** Number of its event, from 0: an index into `RecordingText.times`. */
  event: number;
  label: string;
}

/** Longest part of a line around a hit, in characters. */
const EXCERPT = 60;
/** Hits that are listed. */
export const MAX_HITS = 100;

/** Escape sequences of terminals: CSI, OSC and other strings, and short ones. */
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what escape sequences are made of
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
/** Other characters that print nothing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const CONTROLS = /[\0-\x09\x0b-\x1f\x7f]/g;
/** Characters that mean something in a pattern. */
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

type Event = [interval: number, code: string, data: string];

function parse(line: string): Event | null {
  try {
    const event: unknown = JSON.parse(line);
    if (!Array.isArray(event)) return null;
    const [interval, code, data] = event;
    return typeof interval === "number" && typeof code === "string" && typeof data === "string"
      ? [interval, code, data]
      : null;
  } catch {
    // The last line of a recording that still runs may be cut.
    return null;
  }
}

/** A time as players show it: `1:05` or `1:00:05`. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (part: number) => String(part).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

/** A recording that can be searched. */
export class RecordingText {
  readonly marks: readonly Mark[];
  /** Seconds between each event and the one before. */
  readonly #intervals: number[] = [];
  /** All that was printed, without escape sequences. */
  readonly #text: string;
  /** Where in the text each event begins. */
  readonly #begins: number[] = [];

  /** Takes an asciicast v3. A line that is no event is left out. */
  constructor(cast: string) {
    const marks: Mark[] = [];
    const printed: string[] = [];
    for (const line of cast.split("\n").slice(1)) {
      const found = line.startsWith("[") ? parse(line) : null;
      if (!found) continue;
      const [interval, code, data] = found;
      const event = this.#intervals.push(interval) - 1;
      printed.push(code === "o" ? data : "");
      if (code === "m") marks.push({ event, label: data });
      else if (code === "x") marks.push({ event, label: `The end, exit code ${data}` });
    }
    this.marks = marks;
    // Sequences may be cut between two events, so the whole text is cleaned, each character at its place.
    const blank = (found: string) => "\0".repeat(found.length);
    const clean = printed.join("").replace(ESCAPES, blank).replace(CONTROLS, "\0");
    let [at, length] = [0, 0];
    const shown = printed.map((data) => {
      this.#begins.push(length);
      const piece = clean.slice(at, at + data.length).replaceAll("\0", "");
      at += data.length;
      length += piece.length;
      return piece;
    });
    this.#text = shown.join("");
  }

  /** When each event happens, in seconds from the start. Silence longer than `idle` seconds counts as that long. */
  times(idle = Number.POSITIVE_INFINITY): number[] {
    let time = 0;
    return this.#intervals.map((interval) => {
      time += Math.min(interval, idle);
      return time;
    });
  }

  /** Where this was printed: a hit for each line. Case does not matter. */
  search(words: string): Mark[] {
    const hits: Mark[] = [];
    const wanted = words.trim();
    if (wanted === "") return hits;
    const pattern = new RegExp(wanted.replace(SYNTAX, "\\$&"), "giu");
    for (let hit = pattern.exec(this.#text); hit && hits.length < MAX_HITS; hit = pattern.exec(this.#text)) {
      const begin = this.#text.lastIndexOf("\n", hit.index) + 1;
      const end = this.#lineEnd(hit.index);
      const from = Math.max(begin, pattern.lastIndex - EXCERPT);
      const label = this.#text.slice(from, Math.min(end, from + EXCERPT));
      hits.push({ event: lastUpTo(this.#begins, hit.index), label });
      pattern.lastIndex = end;
    }
    return hits;
  }

  #lineEnd(at: number): number {
    const end = this.#text.indexOf("\n", at);
    return end < 0 ? this.#text.length : end;
  }
}

/** The index of the last number that is not larger; -1 if all are. The numbers are sorted. */
export function lastUpTo(numbers: readonly number[], limit: number): number {
  let [low, high] = [-1, numbers.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}
