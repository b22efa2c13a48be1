/**
 * Predicts the echo of keys that are on their way, and judges each prediction by the emulator once the service has
 * applied the key. Only displays what is certain or was confirmed; it changes neither the input nor the emulator.
 */

import { ECHO_HOLD_MS, type Tty } from "../../protocol/generated.ts";
import type { InputProgress } from "../terminal-sink.ts";
import { EchoTime } from "./echo-time.ts";
import { type Key, keyOf } from "./key.ts";
import { PredictedLine } from "./predicted-line.ts";
import type { FollowedLine, Screen } from "./screen.ts";

/** `auto`: where the echo takes noticeable time. */
export type PredictMode = "auto" | "always" | "never";

/** Text to display instead of a part of a line. */
export interface PredictedText {
  /** The line's number in the emulator. */
  line: number;
  /** Text by column: `""` in the second half of a wide character. */
  cells: ReadonlyMap<number, string>;
  /** Column of the cursor. */
  cursor: number;
  /** True if the connection is so slow that a reader should see what is unconfirmed. */
  underlined: boolean;
}

/** A key that the service has not applied yet, as far as the emulator shows. */
interface PendingKey {
  key: Key;
  /** The length of all input up to and including it. */
  end: number;
  /** Time of typing, in ms. */
  at: number;
  /** Keys of one epoch have the same effect, as far as is known. */
  epoch: number;
  shown: boolean;
  /** True if its message waited for further keys, because earlier ones were on their way. */
  waits: boolean;
  /** Time for which the service may hold its echo, in ms. */
  held: number;
}

/** A place on the screen that output scrolls. */
interface Place {
  followed: FollowedLine;
  col: number;
}

/** Time for an echo that comes in a later frame than its acknowledgement, in ms. */
const LATE_MS = 120;
/** Time without display after a mistake, which doubles with each up to the maximum, in ms. */
const PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** Confirmed keys after which earlier mistakes are forgotten. */
const FORGIVEN_AFTER = 30;
/** Keys that are kept; a longer queue is not typed by a person. */
const MAX_PENDING = 256;

export class Predictor {
  /** Keys so far: shown when they were typed; confirmed and refuted among those that were shown; for a measurement. */
  readonly outcomes = { shownAtOnce: 0, confirmed: 0, refuted: 0, longestRefutationMs: 0 };
  /** True while the connection is up and the user may type. */
  enabled = true;
  readonly #echoTime = new EchoTime();
  #keys: PendingKey[] = [];
  #line: PredictedLine | undefined;
  /** Length of the input that was typed, and that the service has applied. */
  #typed = 0;
  #applied = 0;
  #tty: Tty | undefined;
  /** End of the shell's prompt, as long as the shell reads a command there. */
  #prompt: Place | undefined;
  /** Length of the input when the prompt came. */
  #promptSince = 0;
  #epoch = 1;
  #confirmedEpoch = 0;
  /** Where the user began to type on the line: nothing to the left of it is the user's. */
  #start: Place | undefined;
  /** Whether typed text moves the text behind it, in the present epoch, once that was seen. */
  #inserts: boolean | undefined;
  #lateSince: number | undefined;
  #mistakes = 0;
  #confirmedSinceMistake = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly screen: Screen,
    private readonly mode: () => PredictMode,
  ) {}

  /**
   * Takes typed text; `end` is the length of all input with it. True if it is displayed as it is: its message and its echo
   * may wait for those of further keys.
   */
  typed(text: string, end: number, now: number): boolean {
    const begin = end - text.length;
    if (begin !== this.#typed) this.#push({ kind: "other" }, begin, now);
    this.#typed = end;
    const key = keyOf(text);
    const pending = this.#push(key, end, now);
    this.#extend(now);
    if (pending.shown) this.outcomes.shownAtOnce += 1;
    const predicted = pending.shown && key.kind === "character";
    pending.waits = predicted && this.#keys.length > 1;
    pending.held = predicted ? ECHO_HOLD_MS : 0;
    return predicted;
  }

  /** The emulator has parsed everything up to a frame with this progress. */
  parsed({ applied, alone, prompt }: InputProgress, now: number): void {
    this.#applied = Math.max(this.#applied, applied);
    const count = this.#keys.findIndex(({ end }) => end > this.#applied);
    this.#judge(count < 0 ? this.#keys.length : count, alone, now);
    if (prompt) this.#enterPrompt(now);
    // Another user, or the page, has typed a command.
    else if (this.#keys.length === 0 && this.#applied === this.#promptSince) this.#leavePrompt();
    if (!this.#line) this.#extend(now);
  }

  /** The terminal has this input mode from here on. */
  tty(tty: Tty): void {
    if (tty.echo === this.#tty?.echo && tty.canonical === this.#tty.canonical) return;
    this.#tty = tty;
    if (this.#prompt && !isSecret(tty)) return;
    this.#leavePrompt();
    this.#begin();
    for (const pending of this.#keys) pending.shown = false;
  }

  /** Time of another kind of round trip, in ms. */
  roundTrip(ms: number): void {
    this.#echoTime.estimate(ms);
  }

  /** The emulator was reset, resized, or shows another buffer. */
  screenChanged(now: number): void {
    this.#leavePrompt();
    this.#begin();
    for (const pending of this.#keys) Object.assign(pending, { key: { kind: "other" }, shown: false });
    this.#rebuild(now);
  }

  /** Time of the next `tick`, in ms. */
  get deadline(): number | undefined {
    return this.#lateSince === undefined ? undefined : this.#lateSince + LATE_MS;
  }

  tick(now: number): void {
    if (this.deadline === undefined || now < this.deadline) return;
    this.parsed({ applied: this.#applied, alone: true, prompt: false }, now);
  }

  /** The text to display; `undefined` if everything is as the emulator shows it. */
  get display(): PredictedText | undefined {
    const line = this.#line;
    const count = this.#keys.findLastIndex(({ shown }) => shown) + 1;
    const state = line?.states[count];
    if (!line || !state || count === 0 || line.line < 0) return undefined;
    return { line: line.line, cells: state.cells, cursor: state.cursor, underlined: this.#echoTime.verySlow };
  }

  dispose(): void {
    this.#keys = [];
    this.#line?.dispose();
    this.#line = undefined;
    this.#leavePrompt();
    release(this.#start);
    this.#start = undefined;
  }

  #push(key: Key, end: number, now: number): PendingKey {
    const pending = { key, end, at: now, epoch: this.#epoch, shown: false, waits: false, held: 0 };
    this.#keys.push(pending);
    if (this.#keys.length > MAX_PENDING) {
      // The last one stands for all.
      pending.key = { kind: "other" };
      this.#keys.splice(0, this.#keys.length - 1);
      this.#rebuild(now);
    }
    if (pending.key.kind === "other") {
      this.#leavePrompt();
      this.#begin();
    } else if (pending.key.kind === "edit" && !this.#prompt) this.#begin();
    return pending;
  }

  /** The next keys may have another effect than those before. */
  #begin(): void {
    this.#epoch += 1;
    this.#inserts = undefined;
    release(this.#start);
    this.#start = undefined;
  }

  #leavePrompt(): void {
    release(this.#prompt);
    this.#prompt = undefined;
  }

  /** Takes the cursor's place for the end of a prompt, unless keys are on their way that could start something. */
  #enterPrompt(now: number): void {
    if (this.#keys.some(({ key }) => key.kind === "other")) return;
    const { line, col } = this.screen.cursor;
    const known = this.#prompt;
    if (known && known.followed.line === line && known.col === col) return;
    this.#leavePrompt();
    this.#begin();
    this.#prompt = { followed: this.screen.follow(), col };
    this.#promptSince = this.#applied;
    for (const pending of this.#keys) pending.epoch = this.#epoch;
    this.#rebuild(now);
  }

  /** Judges the predictions for the first `count` keys, which were applied. */
  #judge(count: number, alone: boolean, now: number): void {
    const line = this.#line;
    const known = line ? line.states.length - 1 : 0;
    if (!line || count > known) return this.#remove(count, now, this.#judgeText(Math.min(count, known)));
    if (line.shows(count)) {
      if (count > 0) this.#confirm(count, now);
      return;
    }
    // A key that was applied after the frame's stamp may be shown already.
    if (line.states.some((_, at) => at > count && line.shows(at))) return;
    const late = count > 0 && line.states.some((_, at) => at < count && line.shows(at));
    if (late && !alone) {
      this.#lateSince ??= now;
      return;
    }
    if (count > 0) this.#refute(count, now);
    else this.#rebuild(now);
  }

  #confirm(count: number, now: number): void {
    const line = this.#line;
    const last = this.#keys[count - 1];
    if (last && !last.waits) this.#echoTime.measured(now - last.at, last.held);
    this.#inserts ??= last?.epoch === this.#epoch ? line?.hasMovedRest(count) : undefined;
    if (line?.states[count]?.telling) this.#confirmedEpoch = Math.max(this.#confirmedEpoch, last?.epoch ?? 0);
    this.#remove(count, now, true);
  }

  #refute(count: number, now: number): void {
    if (this.#keys.slice(0, count).some(({ shown }) => shown)) {
      this.#confirmedSinceMistake = 0;
      this.#pausedUntil = now + Math.min(PAUSE_MS * 2 ** this.#mistakes, MAX_PAUSE_MS);
      this.#mistakes += 1;
    }
    this.#leavePrompt();
    this.#begin();
    for (const pending of this.#keys.slice(count)) Object.assign(pending, { epoch: this.#epoch, shown: false });
    this.#remove(count, now, false);
  }

  /** Whether the text of the first `count` keys is there, behind which a key of unknown effect was applied. */
  #judgeText(count: number): boolean {
    return this.#line?.hasText(count) !== false;
  }

  #remove(count: number, now: number, right: boolean): void {
    const removed = this.#keys.splice(0, count).filter((pending) => pending.shown);
    const shown = removed.length;
    if (right) {
      this.outcomes.confirmed += shown;
      this.#confirmedSinceMistake += shown;
      if (this.#confirmedSinceMistake >= FORGIVEN_AFTER) this.#mistakes = 0;
    } else {
      this.outcomes.refuted += shown;
      const took = now - (removed[0]?.at ?? now);
      this.outcomes.longestRefutationMs = Math.max(this.outcomes.longestRefutationMs, took);
    }
    this.#rebuild(now);
  }

  /** Predicts all keys anew, from what the emulator shows. */
  #rebuild(now: number): void {
    this.#lateSince = undefined;
    this.#line?.dispose();
    this.#line = undefined;
    this.#extend(now);
  }

  /** Predicts the keys that are not predicted yet, up to one of unknown effect. */
  #extend(now: number): void {
    const first = this.#keys[0];
    if (!first || first.key.kind === "other" || first.key.kind === "edit") return;
    this.#line ??= new PredictedLine(this.screen, this.#editing());
    const line = this.#line;
    for (let pending = this.#keys[line.states.length - 1]; pending; pending = this.#keys[line.states.length - 1]) {
      if (!line.apply(pending.key)) break;
    }
    for (const [at, pending] of this.#keys.entries()) {
      pending.shown = at < line.states.length - 1 && (pending.shown || this.#mayShow(pending, now));
    }
  }

  #mayShow({ epoch }: PendingKey, now: number): boolean {
    const mode = this.mode();
    if (!this.enabled || mode === "never" || isSecret(this.#tty) || now < this.#pausedUntil) return false;
    if (mode === "auto" && !this.#echoTime.slow) return false;
    if (epoch !== this.#epoch) return false;
    if (this.#prompt) return true;
    // Within a line, it must be known what happens to the rest.
    return epoch <= this.#confirmedEpoch && (this.#inserts !== undefined || this.#line?.isInside === false);
  }

  #editing() {
    const { cursor } = this.screen;
    const at = this.#prompt;
    if (at && at.followed.line === cursor.line && at.col <= cursor.col) {
      return { inserts: true, start: at.col, stopsAtStart: true };
    }
    const start = this.#start;
    if (!start || start.followed.line !== cursor.line || start.col > cursor.col) {
      release(start);
      this.#start = { followed: this.screen.follow(), col: cursor.col };
    }
    return { inserts: this.#inserts === true, start: this.#start?.col ?? cursor.col, stopsAtStart: false };
  }
}

/** True at a password prompt. */
function isSecret(tty: Tty | undefined): boolean {
  return tty?.echo === false && tty.canonical;
}

function release(place: Place | undefined): void {
  place?.followed.dispose();
}
