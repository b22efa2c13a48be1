/**
 * Delivers the user's input in order and exactly once: numbers each message, keeps it until it is acknowledged, sends
 * it again on a timeout, and queues what exceeds the window.
 */

import { toBase64 } from "../protocol/bytes.ts";
import {
  type ClientMessage,
  ECHO_HOLD_MS,
  ENVELOPE_BYTES,
  FRAME_BYTES,
  INPUT_WINDOW_BYTES,
  type Loan,
} from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { chunkEnd, endsInHighSurrogate, jsonBytes, unmatchedPasteEnd, wellFormed } from "./input-chunks.ts";
import { ResendDelay } from "./resend-delay.ts";

/** A message without the two fields that the queue adds. */
type Unnumbered<M> = M extends { seq: number; epoch: number } ? Omit<M, "seq" | "epoch"> : never;
/** Numbered messages other than keystrokes and Ctrl-C. The queue notes the number when it sends one. */
export type Action = Unnumbered<
  Exclude<ClientMessage, { type: "input" } | { type: "interrupt" } | { type: "echo" }>
> & {
  seq?: number;
};

type Queued = { text: string; predicted: boolean } | { bytes: Uint8Array } | { action: Action } | { interrupt: true };
type Message =
  | Action
  | { type: "input"; data: string; predicted?: boolean; loan?: Loan }
  | { type: "input"; b64: string; loan?: Loan }
  | { type: "interrupt"; afterSeq: number; loan?: Loan };
/**
 * `cost`: bytes that the message takes of the window. `end`: length of all input up to its end. `at`: time, if it was sent
 * once and the service acknowledges it at once.
 */
type Sent = { seq: number; message: Message; cost: number; end: number; at: number | undefined };

/** Another INPUT_GAP within this time of a resend is ignored: messages out of order cause several. */
const GAP_IGNORE_MS = 250;
/** Maximum size of one message as JSON text, so that a window has several in flight. */
const CHUNK_BYTES = 16 * 1024;
/** Longest time for which a key that may wait does so. Its echo comes as much later, and its reader sees a prediction. */
const COMPANY_MS = 80;
/** Maximum number of unacknowledged messages; keystrokes beyond it are joined. */
const MAX_IN_FLIGHT = 64;
/** Maximum length of queued input. A paste beyond it is rejected as a whole. */
export const MAX_QUEUED_CHARACTERS = 8 * 1024 * 1024;
/** Maximum number of other queued messages. */
const MAX_QUEUED_ACTIONS = 1000;
/** Longest input that a person types ahead of a Ctrl-C, in characters. More is a paste, whose rest the Ctrl-C drops. */
const MAX_TYPED_AHEAD = 1024;

/** Progress of the input, from the answer to an attach. */
export interface InputState {
  epoch: number;
  inputSeq: number;
  windowBytes?: number;
  frameBytes?: number;
}

export class InputQueue {
  #queue: Queued[] = [];
  /** Length of the queued text and bytes. */
  #queuedSize = 0;
  /** First half of a surrogate pair whose second half has not been typed yet. */
  #highSurrogate = "";
  /** Sent and not acknowledged, in order. */
  #sent: Sent[] = [];
  #inFlightBytes = 0;
  /** Lengths of all input, in characters: accepted, sent or dropped, and applied. Ctrl-C counts as one. */
  #length = 0;
  #sentLength = 0;
  #appliedLength = 0;
  #nextSeq = 1;
  #epoch = 0;
  /** The loan that new messages name. One that was sent keeps its own. */
  loan: Loan | undefined;
  /** The attached connection; without one, everything is kept. */
  #connection: Pick<Connection, "send"> | undefined;
  #windowBytes = INPUT_WINDOW_BYTES;
  #chunkBytes = CHUNK_BYTES;
  readonly #resendDelay = new ResendDelay();
  #resentAt = Number.NEGATIVE_INFINITY;
  readonly #timer: Timer;
  /** Runs while keys wait for company. */
  readonly #company: Timer;

  /** `piggybackAck` returns the output position that an input message should acknowledge, if any. */
  constructor(
    private readonly clock: Clock,
    private readonly piggybackAck: () => number | undefined,
  ) {
    this.#timer = new Timer(clock);
    this.#company = new Timer(clock);
  }

  /** The last number that the service is known to have applied. */
  get acknowledged(): number {
    return (this.#sent[0]?.seq ?? this.#nextSeq) - 1;
  }

  /** True if anything is queued or unacknowledged. */
  get pending(): boolean {
    return this.#sent.length > 0 || this.#queue.length > 0;
  }

  /** Sends a message that has no number, and that its sender repeats; false without a connection. */
  aside(message: ClientMessage): boolean {
    this.#connection?.send(message);
    return this.#connection !== undefined;
  }

  /** Length of all input. */
  get length(): number {
    return this.#length;
  }

  /** Length of the input that the service has applied, or that was dropped. */
  get appliedLength(): number {
    return this.#appliedLength;
  }

  /**
   * Queues keystrokes or a paste; false if the queue is full. Keys whose echo is `predicted` wait for a moment for further
   * ones while earlier ones are unacknowledged, so that they share a message; so may their echo.
   */
  type(typed: string, predicted = false): boolean {
    let text = this.#highSurrogate + typed;
    if (this.#queuedSize + text.length > MAX_QUEUED_CHARACTERS) return false;
    this.#length += typed.length;
    this.#highSurrogate = endsInHighSurrogate(text) ? text.slice(-1) : "";
    if (this.#highSurrogate) text = text.slice(0, -1);
    if (!text) return true;
    const last = this.#queue.at(-1);
    if (last && "text" in last) {
      last.text += wellFormed(text);
      last.predicted &&= predicted;
    } else this.#queue.push({ text: wellFormed(text), predicted });
    this.#queuedSize += text.length;
    if (predicted && this.#sent.length > 0) this.#awaitCompany();
    else this.#pump();
    return true;
  }

  /** Queues bytes that are not UTF-8, such as old mouse reports; false if the queue is full. */
  bytes(bytes: Uint8Array): boolean {
    if (this.#queuedSize + bytes.length > MAX_QUEUED_CHARACTERS) return false;
    const size = Math.floor((this.#chunkBytes * 3) / 4);
    for (let at = 0; at < bytes.length; at += size) this.#queue.push({ bytes: bytes.slice(at, at + size) });
    this.#queuedSize += bytes.length;
    this.#length += bytes.length;
    this.#pump();
    return true;
  }

  /** Queues another message behind the keystrokes; false if the queue is full. A newer size or theme replaces a queued one. */
  push(action: Action): boolean {
    if (action.type === "command" || action.type === "type_line") this.#name(action);
    const last = this.#queue.at(-1);
    const latestCounts = action.type === "resize" || action.type === "theme";
    const replaces = latestCounts && last && "action" in last && last.action.type === action.type;
    if (replaces) last.action = action;
    else if (this.#queue.length >= MAX_QUEUED_ACTIONS) return false;
    else this.#queue.push({ action });
    this.#pump();
    return true;
  }

  /**
   * Queues Ctrl-C ahead of input that waits for the window, and drops the unsent rest of a paste. If Ctrl-C is a
   * signal, the service discards unread input that was typed before it. If it is an ordinary key, it must follow that
   * input, so a short queue is sent first. Returns the number of dropped characters, or `undefined`
   * if the queue is full.
   */
  interrupt(): number | undefined {
    if (this.#queue.length >= MAX_QUEUED_ACTIONS) return undefined;
    this.#length += 1;
    this.#sentLength += this.#highSurrogate.length;
    this.#highSurrogate = "";
    const short = this.#queuedSize <= MAX_TYPED_AHEAD && this.#queue.length <= MAX_IN_FLIGHT;
    const dropped = short ? 0 : this.#dropText();
    this.#sentLength += dropped;
    const ahead = short ? this.#queue.length : this.#queue.findLastIndex((queued) => !("action" in queued)) + 1;
    this.#queue.splice(ahead, 0, { interrupt: true });
    this.#pump();
    return dropped;
  }

  /** Drops unsent commands, whose callers were told that no result will come. */
  withdrawCommands(): void {
    this.#queue = this.#queue.filter((queued) => !("action" in queued) || queued.action.type !== "command");
  }

  /** Drops everything that was typed and not sent; returns its length. A command stays: the service answers it. */
  drop(): number {
    const size = this.#queuedSize + this.#highSurrogate.length;
    this.#queue = this.#queue.filter((queued) => "action" in queued);
    this.#queuedSize = 0;
    this.#highSurrogate = "";
    this.#sentLength = this.#length;
    const last = this.#sent.at(-1);
    if (last) last.end = this.#length;
    else this.#appliedLength = this.#length;
    return size;
  }

  /** Continues on an attached connection: sends again what the service has not applied, then what is queued. */
  resume(connection: Pick<Connection, "send">, state: InputState): void {
    this.#epoch = state.epoch;
    if (this.#nextSeq === 1) this.#nextSeq = state.inputSeq + 1;
    this.acknowledge(state.inputSeq);
    this.#windowBytes = state.windowBytes ?? INPUT_WINDOW_BYTES;
    this.#chunkBytes = Math.min(CHUNK_BYTES, (state.frameBytes ?? FRAME_BYTES) - ENVELOPE_BYTES);
    this.#connection = connection;
    this.#resendDelay.forget();
    this.#resend();
    this.#pump();
  }

  /** No connection is attached: keeps everything. */
  pause(): void {
    this.#connection = undefined;
    this.#timer.clear();
    this.#company.clear();
  }

  /** Discards everything unacknowledged and continues after `inputSeq`; true if the user has to be told. */
  discard(inputSeq: number): boolean {
    const matters = (type: Message["type"]) => !["resize", "theme", "interrupt", "extend"].includes(type);
    const missed =
      this.#sent.some(({ message }) => matters(message.type)) ||
      this.#queue.some((queued) => ("action" in queued ? matters(queued.action.type) : !("interrupt" in queued)));
    this.pause();
    this.#sent = [];
    this.#inFlightBytes = 0;
    this.#queue = [];
    this.#queuedSize = 0;
    this.#highSurrogate = "";
    this.#nextSeq = inputSeq + 1;
    this.#sentLength = this.#length;
    this.#appliedLength = this.#length;
    return missed;
  }

  acknowledge(seq: number): void {
    // A number that was never used belongs to another epoch.
    if (seq >= this.#nextSeq || seq <= this.acknowledged) return;
    this.#resendDelay.progress();
    for (let first = this.#sent[0]; first && first.seq <= seq; first = this.#sent[0]) {
      if (first.seq === seq && first.at !== undefined) this.#resendDelay.measure(this.clock.now() - first.at);
      this.#sent.shift();
      this.#inFlightBytes -= first.cost;
      this.#appliedLength = first.end;
    }
    this.#timer.clear();
    this.#scheduleResend();
    if (!this.#company.pending) this.#pump();
  }

  /** The service misses the message after `have`. */
  gap(have: number): void {
    if (have >= this.#nextSeq || have < this.acknowledged) return;
    this.acknowledge(have);
    if (this.#connection && this.clock.now() - this.#resentAt >= GAP_IGNORE_MS) this.#resend();
  }

  /** Drops unsent input, except for the end of a paste whose start was sent; returns its length. */
  #dropText(): number {
    const size = this.#queuedSize;
    const end = unmatchedPasteEnd(this.#queue.map((queued) => ("text" in queued ? queued.text : "")).join(""));
    const interrupts = this.#queue.filter((queued) => "interrupt" in queued);
    const actions = this.#queue.filter((queued) => "action" in queued);
    this.#queue = [...interrupts, ...(end ? [{ text: end, predicted: false }] : []), ...actions];
    this.#queuedSize = end.length;
    return size - end.length;
  }

  /** Names the loan under which a message was made. */
  #name(message: { loan?: Loan }): void {
    if (this.loan !== undefined) message.loan = this.loan;
  }

  #awaitCompany(): void {
    if (!this.#company.pending) this.#company.set(COMPANY_MS, () => this.#pump());
  }

  #pump(): void {
    this.#company.clear();
    while (this.#connection && this.#queue[0]) {
      // Input ahead of a Ctrl-C is short enough to exceed the window.
      const urgent = this.#queue.some((queued) => "interrupt" in queued);
      if (!urgent && this.#sent.length >= MAX_IN_FLIGHT) return;
      const head = this.#queue[0];
      const { message, cost, rest, size } = this.#nextMessage(head);
      if (!urgent && this.#inFlightBytes > 0 && this.#inFlightBytes + cost > this.#windowBytes) return;
      if (rest) this.#queue[0] = rest;
      else this.#queue.shift();
      if (!("interrupt" in head || "action" in head)) this.#queuedSize -= size;
      this.#sentLength += size;
      if (message.type === "input" || message.type === "interrupt") this.#name(message);
      else message.seq = this.#nextSeq;
      const at = isPredicted(message) ? undefined : this.clock.now();
      const sent = { seq: this.#nextSeq, message, cost, end: this.#sentLength, at };
      this.#nextSeq += 1;
      this.#sent.push(sent);
      this.#inFlightBytes += cost;
      this.#send(sent);
      this.#scheduleResend();
    }
  }

  /** The next message of a queue entry, how much of the entry it takes, and what remains. */
  #nextMessage(head: Queued): { message: Message; cost: number; rest?: Queued; size: number } {
    if ("action" in head) return { message: head.action, cost: JSON.stringify(head.action).length, size: 0 };
    if ("interrupt" in head) return { message: { type: "interrupt", afterSeq: this.#nextSeq - 1 }, cost: 0, size: 1 };
    if ("bytes" in head) {
      const b64 = toBase64(head.bytes);
      return { message: { type: "input", b64 }, cost: b64.length, size: head.bytes.length };
    }
    const { text, predicted } = head;
    const end = chunkEnd(text, 0, this.#chunkBytes);
    const data = text.slice(0, end);
    const message = { type: "input" as const, data, ...(predicted && { predicted }) };
    const next = { message, cost: jsonBytes(data), size: end };
    return end < text.length ? { ...next, rest: { text: text.slice(end), predicted } } : next;
  }

  #send({ seq, message }: Sent): void {
    const ack = message.type === "input" ? this.piggybackAck() : undefined;
    const numbered = { ...message, seq, epoch: this.#epoch, ...(ack !== undefined && { ack }) };
    this.#connection?.send(numbered as ClientMessage);
  }

  #resend(): void {
    this.#resentAt = this.clock.now();
    const urgent = ({ message }: Sent) => message.type === "interrupt";
    for (const sent of [...this.#sent.filter(urgent), ...this.#sent.filter((one) => !urgent(one))]) {
      sent.at = undefined;
      this.#send(sent);
    }
    this.#timer.clear();
    this.#scheduleResend();
  }

  #scheduleResend(): void {
    const first = this.#sent[0];
    if (!this.#connection || !first || this.#timer.pending) return;
    const held = isPredicted(first.message) ? ECHO_HOLD_MS : 0;
    this.#timer.set(this.#resendDelay.ms + held, () => {
      this.#resendDelay.repeated();
      this.#resend();
    });
  }
}

/** True if the service may hold the acknowledgement. */
function isPredicted(message: Message): boolean {
  return "predicted" in message && message.predicted === true;
}
