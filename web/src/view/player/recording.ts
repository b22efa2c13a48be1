/**
 * A recording as far as it was read: its events, its marks, the text that was printed, and when. It grows in place: a place
 * in it stays the same while more comes. Pure.
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
  readonly marks: Mark[] = [];
  /** In order of their time. */
  readonly events: RecordedEvent[] = [];
  /** Numbers of the events that are keyframes: the size, a line end, and the output that shows the whole screen. */
  readonly keyframes: number[] = [];
  /** True once nothing more comes. */
  isWhole = false;
  /** All that was printed, without escape sequences, in pieces. */
  #text: string[] = [];
  /** Begin of each event in the text. */
  readonly #begins: number[] = [];
  /** When each event happens, by the longest silence, in seconds. */
  readonly #times = new Map<number, number[]>();

  /** `header` is the first line of an asciicast v3. */
  constructor(header: unknown) {
    const { cols, rows } = (header as { term?: { cols?: unknown; rows?: unknown } } | null)?.term ?? {};
    this.cols = Number(cols) || 80;
    this.rows = Number(rows) || 24;
  }

  /** The next event. */
  add(added: RecordedEvent): void {
    const event = this.events.push(added) - 1;
    this.#begins.push(added.begin);
    if (added.code === "k") this.keyframes.push(event);
    if (added.code === "m") this.marks.push({ event, label: added.data });
    if (added.code === "x") this.marks.push({ event, label: `The end, exit code ${added.data}` });
    for (const [idle, times] of this.#times) this.#time(times, idle);
  }

  /** Text that was printed. */
  print(text: string): void {
    this.#text.push(text);
  }

  /** Nothing more comes. */
  end(): void {
    this.isWhole = true;
    this.#joined();
  }

  /**
   * When each event happens, in seconds from the start: one list for each `idle`, which grows with the recording. Silence
   * longer than `idle` seconds counts as that long.
   */
  times(idle = Number.POSITIVE_INFINITY): readonly number[] {
    const times = this.#times.get(idle) ?? [];
    this.#times.set(idle, times);
    while (times.length < this.events.length) this.#time(times, idle);
    return times;
  }

  /** Adds the time of the next event. */
  #time(times: number[], idle: number): void {
    const [time, before] = [this.events[times.length]?.time ?? 0, this.events[times.length - 1]?.time ?? 0];
    times.push((times.at(-1) ?? 0) + Math.min((time - before) / 1000, idle));
  }

  /** The text as one. */
  #joined(): string {
    const text = this.#text.join("");
    this.#text = [text];
    return text;
  }

  /** Where this was printed: a hit for each line. Case does not matter. */
  search(words: string): Mark[] {
    const hits: Mark[] = [];
    const wanted = words.trim();
    if (wanted === "") return hits;
    const text = this.#joined();
    const pattern = new RegExp(wanted.replace(SYNTAX, "\\$&"), "giu");
    for (let hit = pattern.exec(text); hit && hits.length < MAX_HITS; hit = pattern.exec(text)) {
      const begin = text.lastIndexOf("\n", hit.index) + 1;
      const end = lineEnd(text, hit.index);
      const from = Math.max(begin, pattern.lastIndex - EXCERPT);
      const label = text.slice(from, Math.min(end, from + EXCERPT));
      hits.push({ event: lastUpTo(this.#begins, hit.index), label });
      pattern.lastIndex = end;
    }
    return hits;
  }
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
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
