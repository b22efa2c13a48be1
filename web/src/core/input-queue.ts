/**
 * What the user does, in order, exactly once: numbers each message, keeps it until it is acknowledged, sends it again when
 * nothing moves, and holds back what exceeds the window. Knows nothing of connections but whether one is ready.
 */

import { toBase64 } from "../protocol/bytes.ts";
import { type ClientMessage, ENVELOPE_BYTES, FRAME_BYTES, INPUT_WINDOW_BYTES } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { endsInHalf, jsonBytes, openPaste, pieceEnd, wellFormed } from "./input-pieces.ts";

/** A message without the two fields that the queue gives it. */
type Unnumbered<M> = M extends { seq: number; epoch: number } ? Omit<M, "seq" | "epoch"> : never;
/** What waits in the queue besides keystrokes and Ctrl-C. */
export type Action = Unnumbered<Exclude<ClientMessage, { type: "input" } | { type: "interrupt" } | { type: "echo" }>>;

type Waiting = { text: string } | { bytes: Uint8Array } | { action: Action } | { interrupt: true };
type Ready =
  | Action
  | { type: "input"; data: string }
  | { type: "input"; b64: string }
  | { type: "interrupt"; afterSeq: number };
type Sent = { seq: number; message: Ready; cost: number };

/** Nothing moved for this long: send again. Doubles up to the longest. */
const RESEND_MS = 1000;
const LONGEST_RESEND_MS = 8000;
/** Resent messages get this long to arrive before another INPUT_GAP counts: reordered ones raise several. */
const GAP_PAUSE_MS = 250;
/** One message holds at most this much JSON text, so that a window has several in flight. */
const PIECE_BYTES = 16 * 1024;
/** Messages without acknowledgement, at most. Keys that wait behind them travel together. */
const IN_FLIGHT_MESSAGES = 64;
/** Input that waits for its turn, in characters. A paste beyond it is refused as a whole, never cut. */
export const WAITING_CHARACTERS = 8 * 1024 * 1024;
/** Everything else that waits, at most. */
const WAITING_ACTIONS = 1000;
/** What a person types ahead of a Ctrl-C, in characters. More is a paste, whose rest the Ctrl-C takes back. */
const TYPED_AHEAD = 1024;

/** What the queue needs of the client. */
export interface InputPort {
  /** Hands a numbered message to the connection. */
  send(message: ClientMessage): void;
  /** How far output is parsed, when keystrokes should say it. */
  acknowledge(): number | undefined;
  clock: Clock;
}

/** How far input has come, for the acknowledgement of an attach. */
export interface InputState {
  epoch: number;
  /** Applied by the service. */
  inputSeq: number;
  windowBytes?: number;
  frameBytes?: number;
}

/** One client's input. */
export class InputQueue {
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  #half = "";
  #sent: Sent[] = [];
  #inFlight = 0;
  #nextSeq = 1;
  #epoch = 0;
  #ready = false;
  #window = INPUT_WINDOW_BYTES;
  #piece = PIECE_BYTES;
  #resendMs = RESEND_MS;
  #resentAt = Number.NEGATIVE_INFINITY;
  readonly #timer: Timer;

  constructor(private readonly port: InputPort) {
    this.#timer = new Timer(port.clock);
  }

  /** The last number that the service is known to have applied. */
  get acknowledged(): number {
    return (this.#sent[0]?.seq ?? this.#nextSeq) - 1;
  }

  /** Whether anything is neither acknowledged nor given up. */
  get pending(): boolean {
    return this.#sent.length > 0 || this.#waiting.length > 0;
  }

  /** Keystrokes or a paste; false when so much waits already that it was refused. */
  type(typed: string): boolean {
    let text = this.#half + typed;
    if (this.#waitingSize + text.length > WAITING_CHARACTERS) return false;
    this.#half = endsInHalf(text) ? text.slice(-1) : "";
    if (this.#half) text = text.slice(0, -1);
    if (!text) return true;
    const last = this.#waiting.at(-1);
    if (last && "text" in last) last.text += wellFormed(text);
    else this.#waiting.push({ text: wellFormed(text) });
    this.#waitingSize += text.length;
    this.#pump();
    return true;
  }

  /** Bytes that are no text, such as old mouse reports; false when refused. */
  bytes(bytes: Uint8Array): boolean {
    if (this.#waitingSize + bytes.length > WAITING_CHARACTERS) return false;
    const most = Math.floor((this.#piece * 3) / 4);
    for (let at = 0; at < bytes.length; at += most) this.#waiting.push({ bytes: bytes.slice(at, at + most) });
    this.#waitingSize += bytes.length;
    this.#pump();
    return true;
  }

  /** Anything else that has a place among the keystrokes; false when refused. A size that waits is replaced by the newer. */
  push(action: Action): boolean {
    const last = this.#waiting.at(-1);
    const replaces = action.type === "resize" && last && "action" in last && last.action.type === "resize";
    if (replaces) last.action = action;
    else if (this.#waiting.length >= WAITING_ACTIONS) return false;
    else this.#waiting.push({ action });
    this.#pump();
    return true;
  }

  /**
   * Ctrl-C, ahead of what waits for the window. The service takes back what was typed before it and not read, where Ctrl-C is a
   * signal; where it is a key like any other, it must come behind what a person typed before it, so that goes first. The rest
   * of a paste is not sent any more. Answers how many characters that were, or `undefined` when refused.
   */
  interrupt(): number | undefined {
    if (this.#waiting.length >= WAITING_ACTIONS) return undefined;
    this.#half = "";
    const few = this.#waitingSize <= TYPED_AHEAD && this.#waiting.length <= IN_FLIGHT_MESSAGES;
    const taken = few ? 0 : this.#takeBack();
    const ahead = few ? this.#waiting.length : this.#waiting.findLastIndex((waiting) => !("action" in waiting)) + 1;
    this.#waiting.splice(ahead, 0, { interrupt: true });
    this.#pump();
    return taken;
  }

  /** Takes back every command that was not sent yet: whoever waits for its result was told that none will come. */
  withdrawCommands(): void {
    this.#waiting = this.#waiting.filter((waiting) => !("action" in waiting) || waiting.action.type !== "command");
  }

  /** A connection is attached: takes its word for what was applied, sends the rest again, goes on. */
  resume(state: InputState): void {
    this.#epoch = state.epoch;
    if (this.#nextSeq === 1) this.#nextSeq = state.inputSeq + 1;
    this.acknowledge(state.inputSeq);
    this.#window = state.windowBytes ?? INPUT_WINDOW_BYTES;
    this.#piece = Math.min(PIECE_BYTES, (state.frameBytes ?? FRAME_BYTES) - ENVELOPE_BYTES);
    this.#ready = true;
    this.#resendMs = RESEND_MS;
    this.#resend();
    this.#pump();
  }

  /** No connection is attached: keep everything. */
  pause(): void {
    this.#ready = false;
    this.#timer.clear();
  }

  /** Forgets everything that was not acknowledged, and numbers on from `inputSeq`; whether anyone will miss it. */
  discard(inputSeq: number): boolean {
    const matters = (type: Ready["type"]) => type !== "resize" && type !== "interrupt" && type !== "extend";
    const missed =
      this.#sent.some(({ message }) => matters(message.type)) ||
      this.#waiting.some((waiting) => ("action" in waiting ? matters(waiting.action.type) : !("interrupt" in waiting)));
    this.pause();
    this.#sent = [];
    this.#inFlight = 0;
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#half = "";
    this.#nextSeq = inputSeq + 1;
    return missed;
  }

  /** The service has applied everything up to `seq`. */
  acknowledge(seq: number): void {
    // A number that was never given away belongs to another life of the shell.
    if (seq >= this.#nextSeq || seq <= this.acknowledged) return;
    while (this.#sent[0] && this.#sent[0].seq <= seq) this.#inFlight -= this.#sent.shift()?.cost ?? 0;
    this.#resendMs = RESEND_MS;
    this.#timer.clear();
    this.#watch();
    this.#pump();
  }

  /** The service misses what follows `have`. */
  gap(have: number): void {
    if (have >= this.#nextSeq || have < this.acknowledged) return;
    this.acknowledge(have);
    if (this.#ready && this.port.clock.now() - this.#resentAt >= GAP_PAUSE_MS) this.#resend();
  }

  /** What was typed and not sent is gone, but for the end of a paste whose beginning was sent. Answers how much that was. */
  #takeBack(): number {
    const size = this.#waitingSize;
    const end = openPaste(this.#waiting.map((waiting) => ("text" in waiting ? waiting.text : "")).join(""));
    const interrupts = this.#waiting.filter((waiting) => "interrupt" in waiting);
    const actions = this.#waiting.filter((waiting) => "action" in waiting);
    this.#waiting = [...interrupts, ...(end ? [{ text: end }] : []), ...actions];
    this.#waitingSize = end.length;
    return size - end.length;
  }

  #pump(): void {
    while (this.#ready && this.#waiting[0]) {
      // Little enough waits before a Ctrl-C that all of it may go beyond the window.
      const urgent = this.#waiting.some((waiting) => "interrupt" in waiting);
      if (!urgent && this.#sent.length >= IN_FLIGHT_MESSAGES) return;
      const { message, cost, rest, taken } = this.#take(this.#waiting[0]);
      if (!urgent && this.#inFlight > 0 && this.#inFlight + cost > this.#window) return;
      if (rest) this.#waiting[0] = rest;
      else this.#waiting.shift();
      this.#waitingSize -= taken;
      const sent = { seq: this.#nextSeq, message, cost };
      this.#nextSeq += 1;
      this.#sent.push(sent);
      this.#inFlight += cost;
      this.#emit(sent);
      this.#watch();
    }
  }

  /** The next message of what waits first, what it costs of the window, and what stays. */
  #take(head: Waiting): { message: Ready; cost: number; rest?: Waiting; taken: number } {
    if ("action" in head) return { message: head.action, cost: JSON.stringify(head.action).length, taken: 0 };
    if ("interrupt" in head) return { message: { type: "interrupt", afterSeq: this.#nextSeq - 1 }, cost: 0, taken: 0 };
    if ("bytes" in head) {
      const b64 = toBase64(head.bytes);
      return { message: { type: "input", b64 }, cost: b64.length, taken: head.bytes.length };
    }
    const end = pieceEnd(head.text, 0, this.#piece);
    const data = head.text.slice(0, end);
    const taken = { message: { type: "input" as const, data }, cost: jsonBytes(data), taken: end };
    return end < head.text.length ? { ...taken, rest: { text: head.text.slice(end) } } : taken;
  }

  #emit({ seq, message }: Sent): void {
    const ack = message.type === "input" ? this.port.acknowledge() : undefined;
    const said = { ...message, seq, epoch: this.#epoch, ...(ack !== undefined && { ack }) };
    this.port.send(said as ClientMessage);
  }

  #resend(): void {
    this.#resentAt = this.port.clock.now();
    const urgent = ({ message }: Sent) => message.type === "interrupt";
    for (const sent of [...this.#sent.filter(urgent), ...this.#sent.filter((one) => !urgent(one))]) this.#emit(sent);
    this.#timer.clear();
    this.#watch();
  }

  #watch(): void {
    if (!this.#ready || this.#sent.length === 0 || this.#timer.pending) return;
    this.#timer.set(this.#resendMs, () => {
      this.#resendMs = Math.min(this.#resendMs * 2, LONGEST_RESEND_MS);
      this.#resend();
    });
  }
}
