/**
 * Writes the ordered stream into the emulator, with steps in between that must happen exactly there, such as a new
 * size. Hands over only as much as the emulator can soon parse, so that the rest can still be dropped, and tracks the end
 * of **parsed** output, which may be acknowledged.
 */

import type { TerminalSink } from "./terminal-sink.ts";

/** Size of one write, so that the emulator can draw in between. */
const CHUNK_BYTES = 32 * 1024;
/** Bytes that the emulator may have unparsed: enough to keep it busy. */
const MAX_UNPARSED_BYTES = 128 * 1024;
/** CAN: aborts an escape sequence that the dropped bytes would have completed. */
const CANCEL = new Uint8Array([0x18]);

const NO_BYTES = new Uint8Array();

interface Step {
  bytes: Uint8Array;
  /** The position after it; 0 if it has none. */
  end: number;
  /** True if each byte has a position of its own. */
  counted?: boolean;
  /** Changes the emulator itself; later steps wait until it has run. */
  change?: (() => void) | undefined;
  /** Runs only after the emulator has parsed everything. */
  barrier?: boolean;
  /** Stays when queued steps are dropped. */
  keep?: boolean;
  /** Notifies the page, once everything before it is parsed. */
  notify?: () => void;
}

export class EmulatorWriter {
  #sink: TerminalSink | undefined;
  #queue: Step[] = [];
  /** Steps that the emulator has and has not parsed, in order. */
  #unparsed: Step[] = [];
  #unparsedBytes = 0;
  /** True while a change or barrier blocks the queue. */
  #blocked = false;
  #pumping = false;
  /** Incremented when outstanding callbacks of the emulator become void. */
  #generation = 0;
  #parsed = 0;

  /** `onParsed` receives every new parsed position. */
  constructor(private readonly onParsed: (pos: number) => void) {}

  /** True if everything has been parsed. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#unparsed.length === 0;
  }

  /** Replaces the emulator. Unparsed bytes of the previous one count as parsed, as do all bytes while there is none. */
  setSink(sink: TerminalSink | undefined): void {
    this.#sink = sink;
    this.#generation += 1;
    while (this.#unparsed.length > 0) this.#settle();
    // It may have other work left, which a reset must not overtake.
    if (sink) this.#submit({ bytes: NO_BYTES, end: 0, barrier: true });
    this.#pump();
  }

  /** Drops queued output and restarts at `pos` with `change`, behind what the emulator already has. */
  restart(pos: number, change: () => void): void {
    this.#parsed = pos;
    for (const step of this.#unparsed) step.end = 0;
    const left = this.#queue.flatMap(withoutOutput).filter((step) => step.bytes.length === 0);
    this.#queue = [...left, { bytes: NO_BYTES, end: 0, change, keep: true }];
    this.#pump();
  }

  /** Queues output that ends at position `end`; calls `notify` once it is parsed. */
  write(bytes: Uint8Array, end: number, notify: () => void): void {
    this.#queue.push({ bytes, end, counted: true, notify });
    this.#pump();
  }

  /** Queues a change of the emulator and a notification, for when everything before `end` is parsed. */
  step(end: number, notify: () => void, change?: () => void): void {
    this.#queue.push({ bytes: NO_BYTES, end, change, notify });
    this.#pump();
  }

  /** Replaces queued output before `pos` by `change` and then `bytes`. */
  replace(pos: number, bytes: Uint8Array, change: () => void): void {
    this.#queue = [
      ...this.#queue.flatMap(withoutOutput),
      { bytes: CANCEL, end: 0, keep: true },
      { bytes: NO_BYTES, end: 0, change, keep: true },
      { bytes, end: pos, keep: true },
    ];
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#blocked && this.#unparsedBytes < MAX_UNPARSED_BYTES) {
      const step = this.#queue.shift();
      if (!step) break;
      const rest = step.bytes.subarray(CHUNK_BYTES);
      if (rest.length === 0) this.#submit(step);
      else {
        this.#queue.unshift({ ...step, bytes: rest });
        const end = step.counted ? step.end - rest.length : 0;
        this.#submit({ bytes: step.bytes.subarray(0, CHUNK_BYTES), end });
      }
    }
    this.#pumping = false;
  }

  #submit(step: Step): void {
    const nothingBefore = step.bytes.length === 0 && this.#unparsed.length === 0 && !step.barrier;
    if (!this.#sink || nothingBefore) return this.#run(step);
    const generation = this.#generation;
    this.#unparsed.push(step);
    this.#unparsedBytes += step.bytes.length;
    this.#blocked = blocks(step);
    this.#sink.write(step.bytes, () => {
      if (generation === this.#generation) this.#settle();
    });
  }

  /** The emulator has parsed its oldest step. */
  #settle(): void {
    const step = this.#unparsed.shift();
    if (!step) return;
    this.#unparsedBytes -= step.bytes.length;
    if (blocks(step)) this.#blocked = false;
    this.#run(step);
    this.#pump();
  }

  #run(step: Step): void {
    step.change?.();
    if (step.end > this.#parsed) {
      this.#parsed = step.end;
      this.onParsed(step.end);
    }
    step.notify?.();
  }
}

function blocks(step: Step): boolean {
  return step.barrier === true || step.change !== undefined;
}

/** Reduces a dropped step to its notification, unless it must stay. */
function withoutOutput(step: Step): Step[] {
  if (step.keep) return [step];
  return step.notify ? [{ bytes: NO_BYTES, end: 0, notify: step.notify }] : [];
}
