/**
 * A recording that was read: its events, its marks, the text that was printed, and when. Pure.
 */

/** A place in a recording. */
export interface Mark {
  /** Number of its event, from 0: an index into `Recording.times`. */
  event: number;
  label: string;
}

/** Longest part of a line around a hit, in characters. */
const EXCERPT = 60;
/** Hits that are listed. */
export const MAX_HITS = 100;

/** Characters that mean something in a pattern. */
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

/** A time as players show it: `1:05` or `1:00:05`. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (part: number) => String(part).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

/** Something that happens in a recording. */
export interface RecordedEvent {
  /** In ms from the start. */
  time: number;
  /** Its kind: `o` for output, `r` for another size, `m` for a mark, `k` for a keyframe, `x` for the end. */
  code: string;
  data: string;
  /** Length of the text before it. */
  begin: number;
}

/** A recording that can be played and searched. */
export class Recording {
  /** The size of its terminal at its start. */
  readonly cols: number;
  readonly rows: number;
  readonly marks: readonly Mark[];
  /** In order of their time. */
  readonly events: readonly RecordedEvent[];
  /** Numbers of the events that are keyframes: the size, a line end, and the output that shows the whole screen. */
  readonly keyframes: readonly number[];
  /** All that was printed, without escape sequences. */
  readonly #text: string;
  /** Begin of each event in the text. */
  readonly #begins: readonly number[];

  /** `header` is the first line of an asciicast v3. */
  constructor(header: unknown, events: readonly RecordedEvent[], text: string) {
    const { cols, rows } = (header as { term?: { cols?: unknown; rows?: unknown } } | null)?.term ?? {};
    this.cols = Number(cols) || 80;
    this.rows = Number(rows) || 24;
    this.events = events;
    this.keyframes = events.flatMap(({ code }, event) => (code === "k" ? [event] : []));
    this.marks = events.flatMap(({ code, data }, event) => {
      if (code === "x") return [{ event, label: `The end, exit code ${data}` }];
      return code === "m" ? [{ event, label: data }] : [];
    });
    this.#text = text;
    this.#begins = events.map(({ begin }) => begin);
  }

  /** When each event happens, in seconds from the start. Silence longer than `idle` seconds counts as that long. */
  times(idle = Number.POSITIVE_INFINITY): number[] {
    let [time, before] = [0, 0];
    return this.events.map((event) => {
      time += Math.min((event.time - before) / 1000, idle);
      before = event.time;
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
