/**
 * A recording as text: its marks, and what was printed when. Pure.
 */

/** A place in a recording. */
export interface Mark {
  /** In seconds from the start, by the clock of the player, which shortens silence. */
  time: number;
  label: string;
}

/** A line of a recording, at its time. */
interface Happening {
  time: number;
  code: string;
  data: string;
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

/** The events of an asciicast v3. Silence longer than `idle` seconds counts as that long; a line that is none is left out. */
function happenings(cast: string, idle: number): Happening[] {
  const found: Happening[] = [];
  let time = 0;
  for (const line of cast.split("\n").slice(1)) {
    const event = line.startsWith("[") ? parse(line) : null;
    if (!event) continue;
    time += Math.min(event[0], idle);
    found.push({ time, code: event[1], data: event[2] });
  }
  return found;
}

function parse(line: string): [number, string, string] | null {
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
  /** All that was printed, without escape sequences. */
  readonly #text: string;
  /** Where in the text each time begins. */
  readonly #times: readonly { at: number; time: number }[];

  constructor(cast: string, idle = Number.POSITIVE_INFINITY) {
    const all = happenings(cast, idle);
    this.marks = all.flatMap(({ time, code, data }) => {
      if (code === "m") return [{ time, label: data }];
      return code === "x" ? [{ time, label: `The end, exit code ${data}` }] : [];
    });
    const times = [];
    let text = "";
    for (const { time, code, data } of all) {
      if (code !== "o") continue;
      times.push({ at: text.length, time });
      text += data;
    }
    // Sequences may be cut between two events, so the whole text is cleaned, each character at its place.
    const blank = (found: string) => "\0".repeat(found.length);
    this.#text = text.replace(ESCAPES, blank).replace(CONTROLS, "\0");
    this.#times = times;
  }

  /** Where this was printed; each line with its time. Case does not matter. */
  search(words: string): Mark[] {
    const wanted = words.trim().toLowerCase();
    const hits: Mark[] = [];
    if (wanted === "") return hits;
    let begin = 0;
    for (const line of this.#text.split("\n")) {
      const shown = line.replaceAll("\0", "");
      const at = shown.toLowerCase().indexOf(wanted);
      if (at >= 0) {
        const from = Math.max(0, at + wanted.length - EXCERPT);
        hits.push({ time: this.#timeOf(begin + placeOf(line, at)), label: shown.slice(from, from + EXCERPT) });
        if (hits.length === MAX_HITS) break;
      }
      begin += line.length + 1;
    }
    return hits;
  }

  #timeOf(at: number): number {
    const later = this.#times.findIndex((known) => known.at > at);
    return this.#times.at(later < 0 ? -1 : later - 1)?.time ?? 0;
  }
}

/** The place of the n-th character that shows. */
function placeOf(line: string, n: number): number {
  let left = n;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === "\0") continue;
    if (left === 0) return at;
    left--;
  }
  return line.length;
}
