/**
 * Plays a recording into asciinema's terminal. Asciinema's own driver plays everything from the start for each seek back;
 * this one begins at the keyframe before a place, so that a seek is as quick in a long recording as in a short one. It
 * plays what has come of a recording, and waits for the rest.
 */

import { lastUpTo, type Recording } from "./recording.ts";

/** Asciinema's side of a driver. */
export interface DriverHost {
  dispatch(event: string, data?: unknown): void;
}
/** A place that asciinema's controls and keys name: a time in seconds, a share, a step, or a mark. */
type Where = number | string | { marker: number | "prev" | "next" };

/** Step of an arrow key, in seconds. */
const STEP = 5;
/** Step of an arrow key with Shift, as a share of all. */
const LONG_STEP = 0.1;
/** A mark that was passed less than this ago is the one that plays, in seconds. */
const JUST_PASSED = 1;

/** A driver of asciinema's player, as it takes one in place of a file. */
export class KeyframeDriver {
  readonly #host: DriverHost;
  readonly #recording: Recording;
  /** When each event happens, in seconds. */
  readonly #times: readonly number[];
  readonly #speed: number;
  /** Times of the marks, in seconds. */
  #marks: readonly number[] = [];
  /** The event that is shown next. */
  #next = 0;
  /** Where it is, or where it began to play, in seconds. */
  #time = 0;
  /** When it began to play, by the page's clock; null while it does not. */
  #since: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A place that has not come yet, in seconds, and whether it plays from there; null while it waits for none. */
  #awaited: { time: number; plays: boolean } | null = null;

  /** `times` are those of the recording's events. */
  constructor(host: DriverHost, recording: Recording, times: readonly number[], speed: number) {
    this.#host = host;
    this.#recording = recording;
    this.#times = times;
    this.#speed = speed;
  }

  init(): void {
    this.#describe();
    this.#begin(-1);
    this.#tell();
  }

  /** More of the recording has come, or it is whole. */
  grew(): void {
    this.#describe();
    const awaited = this.#awaited;
    if (awaited === null || !this.#has(awaited.time)) return;
    this.#show(Math.min(awaited.time, this.getDuration()));
    this.#found(awaited.plays);
  }

  play(): boolean {
    this.#host.dispatch("play");
    if (this.#since !== null) return true;
    if (this.#awaited) {
      this.#await(this.#awaited.time, true);
      return true;
    }
    if (this.#time >= this.getDuration() && this.#recording.isWhole) this.#show(0);
    this.#host.dispatch("playing");
    this.#run();
    return true;
  }

  pause(): boolean {
    if (this.#awaited) this.#awaited.plays = false;
    if (this.#since === null) return true;
    this.#halt(this.#now());
    this.#host.dispatch("pause");
    this.#tell();
    return true;
  }

  seek(where: Where): boolean {
    const time = Math.max(this.#timeOf(where), 0);
    const plays = this.#since !== null || this.#awaited?.plays === true;
    this.#halt(this.#now());
    this.#show(Math.min(time, this.getDuration()));
    this.#host.dispatch("seeked");
    if (this.#has(time)) this.#found(plays);
    else this.#await(time, plays);
    return true;
  }

  /** Shows the next output, or one before: only while nothing plays. */
  step(count = 1): void {
    if (this.#since !== null) return;
    const back = count < 0;
    let event = back ? this.#next - 1 : this.#next;
    // The output that is shown now is not one before.
    for (let left = Math.abs(count) + (back ? 1 : 0); left > 0; event += back ? -1 : 1) {
      const found = this.#recording.events[event];
      if (!found) return;
      if (found.code === "o") left -= 1;
    }
    this.seek(this.#times[back ? event + 1 : event - 1] ?? 0);
  }

  stop(): void {
    this.#halt(this.#now());
    this.#awaited = null;
  }

  getTiming() {
    const rate = this.#since === null ? 0 : this.#speed;
    return { time: this.#now(), rate, sampledAt: performance.timeOrigin + performance.now() };
  }

  /** In seconds. */
  getDuration(): number {
    return this.#times.at(-1) ?? 0;
  }

  /** Tells what there is so far. */
  #describe(): void {
    const marks = this.#recording.marks.filter(({ event }) => this.#recording.events[event]?.code === "m");
    this.#marks = marks.map(({ event }) => this.#times[event] ?? 0);
    const markers = marks.map(({ label }, number) => [this.#marks[number], label]);
    this.#host.dispatch("metadata", { duration: this.getDuration(), markers, hasAudio: false });
  }

  /** True if a time has come, or never will. At the very end of what has come more may happen. */
  #has(time: number): boolean {
    return time < this.getDuration() || this.#recording.isWhole;
  }

  /** Waits for a place, and says so. */
  #await(time: number, plays: boolean): void {
    this.#awaited = { time, plays };
    this.#host.dispatch("loading");
    this.#tell();
  }

  /** Goes on from the place that is shown. */
  #found(plays: boolean): void {
    if (this.#awaited) {
      this.#awaited = null;
      // Nothing else hides that it waited; it plays only if it says so next.
      this.#host.dispatch("play");
      this.#host.dispatch(plays ? "playing" : "pause");
    }
    if (this.#time >= this.getDuration()) this.#host.dispatch("ended");
    else if (plays) this.#run();
    this.#tell();
  }

  #now(): number {
    if (this.#since === null) return this.#time;
    return Math.min(this.#time + ((performance.now() - this.#since) / 1000) * this.#speed, this.getDuration());
  }

  #tell(): void {
    this.#host.dispatch("timing", this.getTiming());
  }

  #run(): void {
    this.#since = performance.now();
    this.#tell();
    this.#wait();
  }

  #halt(time: number): void {
    clearTimeout(this.#timer);
    this.#time = time;
    this.#since = null;
  }

  /** Waits for the next event. */
  #wait(): void {
    const next = this.#times[this.#next];
    if (next !== undefined) {
      this.#timer = setTimeout(() => this.#due(), ((next - this.#now()) * 1000) / this.#speed);
      return;
    }
    this.#halt(this.getDuration());
    if (!this.#recording.isWhole) {
      this.#await(this.getDuration(), true);
      return;
    }
    this.#host.dispatch("ended");
    this.#tell();
  }

  #due(): void {
    // A timer may be a little early.
    this.#feed(Math.max(lastUpTo(this.#times, this.#now()), this.#next) + 1);
    this.#wait();
  }

  #timeOf(where: Where): number {
    const [now, all] = [this.#now(), this.getDuration()];
    if (typeof where === "number") return where;
    if (typeof where === "object") return this.#timeOfMark(where.marker, now);
    switch (where) {
      case "<<":
        return now - STEP;
      case ">>":
        return now + STEP;
      case "<<<":
        return now - LONG_STEP * all;
      case ">>>":
        return now + LONG_STEP * all;
      default:
        return (Number.parseFloat(where) / 100) * all || 0;
    }
  }

  #timeOfMark(marker: number | "prev" | "next", now: number): number {
    if (typeof marker === "number") return this.#marks[marker] ?? now;
    if (marker === "next") return this.#marks[lastUpTo(this.#marks, now) + 1] ?? this.getDuration();
    const limit = this.#since === null ? now : now - JUST_PASSED;
    return this.#marks.findLast((time) => time < limit) ?? 0;
  }

  /** Shows the screen of a time. */
  #show(time: number): void {
    this.#time = time;
    const end = lastUpTo(this.#times, time) + 1;
    const { keyframes } = this.#recording;
    const begin = keyframes[lastUpTo(keyframes, end - 1)] ?? -1;
    if (end < this.#next || begin >= this.#next) this.#begin(begin);
    this.#feed(end);
  }

  /** Goes to a keyframe, or to the start: -1. */
  #begin(event: number): void {
    const { cols, rows, events } = this.#recording;
    const keyframe = events[event]?.data ?? `${cols}x${rows}\n`;
    const end = keyframe.indexOf("\n");
    const init = keyframe.slice(end + 1);
    this.#host.dispatch("reset", { size: size(keyframe.slice(0, end)), init, theme: null });
    this.#next = event + 1;
  }

  /** Shows the events up to this one, without it. */
  #feed(end: number): void {
    let output: string[] = [];
    const flush = () => {
      if (output.length > 0) this.#host.dispatch("output", output);
      output = [];
    };
    for (; this.#next < end; this.#next += 1) {
      const { code, data } = this.#recording.events[this.#next] ?? { code: "", data: "" };
      if (code === "o") output.push(data);
      if (code !== "r") continue;
      flush();
      this.#host.dispatch("resize", size(data));
    }
    flush();
  }
}

function size(text: string): { cols: number; rows: number } {
  const [cols, rows] = text.split("x").map(Number);
  return { cols: cols || 80, rows: rows || 24 };
}
