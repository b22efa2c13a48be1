/**
 * Plays the ordered stream into the emulator: bytes, and between them steps that must happen exactly there, such as a new size.
 * Knows how far the emulator has **parsed**, which is what may be acknowledged.
 */

import type { TerminalSink } from "./sink.ts";

type Step = { step: () => void; holds: boolean; end: number };
type Op = { bytes: Uint8Array; end: number; parsed: (() => void) | undefined } | Step;

const NOTHING = new Uint8Array();

/** The way from the stream to the emulator. */
export class Playback {
  #sink: TerminalSink | undefined;
  #queue: Op[] = [];
  #holding = false;
  /** What happens when the emulator has parsed what it was given, in order. */
  #owed: Array<{ run: () => void; holds: boolean }> = [];
  /** Raised when the emulator's outstanding calls no longer count. */
  #generation = 0;
  #liveFrom = 0;
  #live = true;
  #parsed = 0;

  /** `onParsed` hears of every advance. */
  constructor(private readonly onParsed: (pos: number) => void) {}

  /** Everything before it was parsed. */
  get parsed(): number {
    return this.#parsed;
  }

  /** Whether everything that was handed over has been parsed. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#owed.length === 0;
  }

  /** Another emulator, or none: then bytes count as parsed at once. What the former still owed is taken as done. */
  use(sink: TerminalSink | undefined): void {
    this.#sink = sink;
    this.#live = true;
    this.#generation += 1;
    while (this.#owed.length > 0) this.#settle();
    // It may have work left from elsewhere, which a reset must not overtake.
    if (sink) this.#hand(NOTHING, () => {}, true);
    this.#pump();
  }

  /** Drops what waits and goes on at `pos`, with `prepare` behind what the emulator was given already. */
  start(pos: number, prepare: () => void): void {
    this.#queue = [];
    for (const owed of this.#owed) owed.run = () => {};
    this.#parsed = pos;
    this.#prepare(prepare);
    this.#pump();
  }

  /** Everything before `pos` is history: the emulator parses it without answering the questions in it. */
  history(pos: number): void {
    this.#liveFrom = pos;
  }

  /** Bytes whose first is at `pos`; `then` runs when all of them are parsed. */
  write(pos: number, bytes: Uint8Array, then: () => void): void {
    const history = Math.min(Math.max(this.#liveFrom - pos, 0), bytes.length);
    if (history > 0) this.#bytes(pos, bytes.subarray(0, history), history === bytes.length ? then : undefined);
    if (history < bytes.length) this.#bytes(pos + history, bytes.subarray(history), then);
    this.#pump();
  }

  /** Runs `run` when everything before `pos` is parsed. With `holds`, nothing later is handed over until it has run. */
  step(pos: number, run: () => void, holds = false): void {
    this.#queue.push({ step: run, holds, end: pos + 1 });
    this.#pump();
  }

  /** Instead of everything up to `pos`: prepares the emulator with `reset`, then writes what is there at `pos`. */
  replace(pos: number, bytes: Uint8Array, reset: () => void): void {
    this.#prepare(reset);
    this.history(Math.max(this.#liveFrom, pos));
    this.#switch(false);
    this.#queue.push({ bytes, end: pos, parsed: undefined });
    this.#pump();
  }

  /** At no position of its own; nothing later is handed over until it has run. */
  #prepare(step: () => void): void {
    this.#queue.push({ step, holds: true, end: this.#parsed });
  }

  #bytes(pos: number, bytes: Uint8Array, then: (() => void) | undefined): void {
    this.#switch(pos >= this.#liveFrom);
    this.#queue.push({ bytes, end: pos + bytes.length, parsed: then });
  }

  #switch(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    // Held, so that no byte is parsed under the wrong rule.
    this.#prepare(() => this.#sink?.live(live));
  }

  #pump(): void {
    while (!this.#holding) {
      const op = this.#queue.shift();
      if (!op) return;
      if ("step" in op) {
        const run = () => {
          this.#advance(op.end);
          op.step();
        };
        if (this.#owed.length === 0) run();
        else this.#hand(NOTHING, run, op.holds);
      } else {
        const run = () => {
          op.parsed?.();
          this.#advance(op.end);
        };
        this.#hand(op.bytes, run, false);
      }
    }
  }

  #hand(bytes: Uint8Array, run: () => void, holds: boolean): void {
    if (!this.#sink) return run();
    const generation = this.#generation;
    this.#holding = holds;
    this.#owed.push({ run, holds });
    this.#sink.write(bytes, () => {
      if (generation === this.#generation) this.#settle();
    });
  }

  #settle(): void {
    const owed = this.#owed.shift();
    if (!owed) return;
    if (owed.holds) this.#holding = false;
    owed.run();
    if (owed.holds) this.#pump();
  }

  #advance(pos: number): void {
    if (pos <= this.#parsed) return;
    this.#parsed = pos;
    this.onParsed(pos);
  }
}
