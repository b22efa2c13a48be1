/**
 * Plays the ordered stream into the emulator: bytes, and between them steps that must happen exactly there, such as a new size.
 * Hands over only what the emulator can soon parse, so that the rest can still be dropped; and knows how far it has **parsed**,
 * which is what may be acknowledged.
 */

import type { TerminalSink } from "./sink.ts";

/** The emulator gets bytes in pieces of at most this size, so that it can draw in between. */
const PIECE_BYTES = 32 * 1024;
/** Bytes that the emulator has and did not parse, at most: enough that it is never idle. */
const HANDED_BYTES = 128 * 1024;
/** CAN: ends a sequence that the dropped bytes would have completed. */
const CANCEL = new Uint8Array([0x18]);

const NOTHING = new Uint8Array();

/** Something to do in its turn. */
interface Op {
  bytes: Uint8Array;
  /** The position behind it; 0 when it stands for none. */
  end: number;
  /** Whether each byte has a position of its own. */
  counted?: boolean;
  /** Changes the emulator itself; nothing later is handed over until it has run. */
  change?: (() => void) | undefined;
  /** Runs only when the emulator says that it has nothing left to do. */
  barrier?: boolean;
  /** Happens even when what waits is dropped. */
  must?: boolean;
  /** Tells others, once everything before is parsed. */
  tell?: () => void;
}

/** The way from the stream to the emulator. */
export class Playback {
  #sink: TerminalSink | undefined;
  #queue: Op[] = [];
  /** What the emulator has and did not parse, in order. */
  #owed: Op[] = [];
  #handed = 0;
  #holding = false;
  #pumping = false;
  /** Raised when the emulator's outstanding calls no longer count. */
  #generation = 0;
  #parsed = 0;

  /** `onParsed` hears of every advance. */
  constructor(private readonly onParsed: (pos: number) => void) {}

  /** Whether everything that was handed over has been parsed. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#owed.length === 0;
  }

  /** Another emulator, or none: then bytes count as parsed at once. What the former still owed is taken as done. */
  use(sink: TerminalSink | undefined): void {
    this.#sink = sink;
    this.#generation += 1;
    while (this.#owed.length > 0) this.#settle();
    // It may have work left from elsewhere, which a reset must not overtake.
    if (sink) this.#hand({ bytes: NOTHING, end: 0, barrier: true });
    this.#pump();
  }

  /** Drops what waits, tells of it, and goes on at `pos` with `change` behind what the emulator has already. */
  start(pos: number, change: () => void): void {
    this.#parsed = pos;
    for (const owed of this.#owed) owed.end = 0;
    const left = this.#queue.flatMap(untold).filter((op) => op.bytes.length === 0);
    this.#queue = [...left, { bytes: NOTHING, end: 0, change, must: true }];
    this.#pump();
  }

  /** Bytes, the last of them before `end`; `tell` runs when all of them are parsed. */
  write(bytes: Uint8Array, end: number, tell: () => void): void {
    this.#queue.push({ bytes, end, counted: true, tell });
    this.#pump();
  }

  /** When everything before `end` is parsed: changes the emulator, if there is a `change`, and runs `tell`. */
  step(end: number, tell: () => void, change?: () => void): void {
    this.#queue.push({ bytes: NOTHING, end, change, tell });
    this.#pump();
  }

  /** Instead of everything before `pos` that the emulator does not have yet: `change`, and then `bytes`. */
  replace(pos: number, bytes: Uint8Array, change: () => void): void {
    this.#queue = [
      ...this.#queue.flatMap(untold),
      { bytes: CANCEL, end: 0, must: true },
      { bytes: NOTHING, end: 0, change, must: true },
      { bytes, end: pos, must: true },
    ];
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#holding && this.#handed < HANDED_BYTES) {
      const op = this.#queue.shift();
      if (!op) break;
      const rest = op.bytes.subarray(PIECE_BYTES);
      if (rest.length === 0) this.#hand(op);
      else {
        this.#queue.unshift({ ...op, bytes: rest });
        this.#hand({ bytes: op.bytes.subarray(0, PIECE_BYTES), end: op.counted ? op.end - rest.length : 0 });
      }
    }
    this.#pumping = false;
  }

  #hand(op: Op): void {
    const nothingBefore = op.bytes.length === 0 && this.#owed.length === 0 && !op.barrier;
    if (!this.#sink || nothingBefore) return this.#run(op);
    const generation = this.#generation;
    this.#owed.push(op);
    this.#handed += op.bytes.length;
    this.#holding = holds(op);
    this.#sink.write(op.bytes, () => {
      if (generation === this.#generation) this.#settle();
    });
  }

  #settle(): void {
    const op = this.#owed.shift();
    if (!op) return;
    this.#handed -= op.bytes.length;
    if (holds(op)) this.#holding = false;
    this.#run(op);
    this.#pump();
  }

  #run(op: Op): void {
    op.change?.();
    if (op.end > this.#parsed) {
      this.#parsed = op.end;
      this.onParsed(op.end);
    }
    op.tell?.();
  }
}

function holds(op: Op): boolean {
  return op.barrier === true || op.change !== undefined;
}

/** What is left of something that is dropped: what must happen, or only the word of it. */
function untold(op: Op): Op[] {
  if (op.must) return [op];
  return op.tell ? [{ bytes: NOTHING, end: 0, tell: op.tell }] : [];
}
