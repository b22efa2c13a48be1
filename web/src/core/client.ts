/**
 * The terminal in the browser, without any framework: connects, comes back, and keeps both directions exactly once and in
 * order. What a page calls is here; what each promise takes to keep is in the files beside it.
 */

import type { GatewayFault } from "../protocol/frame.ts";
import {
  type Attach,
  type Attached,
  CHAT_BYTES,
  type ClientMessage,
  type ErrorMessage,
  type Event as EventFrame,
  MAX_COLS,
  MAX_ROWS,
  MIN_COLS,
  MIN_ROWS,
  type ServerFrame,
} from "../protocol/generated.ts";
import { browserClock } from "./clock.ts";
import { type CommandResult, Commands } from "./commands.ts";
import { type ClientErrorCode, TerminalError } from "./error.ts";
import { InputQueue } from "./input-queue.ts";
import { Listeners } from "./listeners.ts";
import { consoleLog, type Log } from "./log.ts";
import type { ClientOptions, TerminalMessage } from "./options.ts";
import { Receiver } from "./receiver.ts";
import type { TerminalSink } from "./sink.ts";
import { browserSocket } from "./socket.ts";
import { INITIAL_STATE, type TerminalState } from "./state.ts";
import { type TokenSource, Transport } from "./transport.ts";

/** Codes that a new attach may mend: the shell, the client or the whole service is another one. */
const FORGOTTEN: readonly ClientErrorCode[] = ["STALE_EPOCH", "NOT_ATTACHED", "SESSION_NOT_FOUND"];
/** Codes that make another try pointless when they answer an attach. */
const REFUSED: readonly ClientErrorCode[] = [
  "SESSION_NOT_FOUND",
  "SESSION_ENDED",
  "UNAUTHORIZED",
  "TOKEN_EXPIRED",
  "FORBIDDEN",
  "LIMIT_REACHED",
];

/** One terminal. */
export class TerminalClient {
  readonly clientId: string;
  #state: TerminalState = INITIAL_STATE;
  #window: { cols: number; rows: number };
  #windowKnown: boolean;
  #attachedWindow: { cols: number; rows: number };
  #sink: TerminalSink | undefined;
  /** Ask for history anew at the next attach. */
  #fresh = false;
  /** Whether the last attach did. */
  #askedFresh = false;
  /** What was acknowledged when the last attach was sent. */
  #acknowledgedBefore = 0;
  readonly #log: Log;
  readonly #transport: Transport;
  readonly #input: InputQueue;
  readonly #receiver: Receiver;
  readonly #commands = new Commands();
  readonly #onState = new Listeners<[]>();
  readonly #onMessage = new Listeners<[TerminalMessage]>();
  readonly #onError = new Listeners<[TerminalError]>();

  constructor(options: ClientOptions) {
    this.clientId = (options.clientId ?? randomId)();
    this.#window = options.size ?? { cols: 80, rows: 24 };
    this.#windowKnown = options.size !== undefined;
    this.#attachedWindow = this.#window;
    this.#log = options.log ?? consoleLog(options.logLevel ?? "info");
    const clock = options.clock ?? browserClock;
    const send = (message: ClientMessage) => this.#transport.send(message);
    this.#input = new InputQueue({ clock, send });
    this.#receiver = new Receiver({
      clock,
      send,
      event: (event) => this.#event(event),
      output: (pos, bytes) => this.#onMessage.tell({ type: "output", pos, bytes }),
      size: (cols, rows) => this.#update({ size: { cols, rows } }),
      skipped: (positions) => this.#log.info(`${positions} positions of output were skipped`),
      newEpoch: () => this.#reattach(),
    });
    const { url, sessionId, token } = options;
    this.#transport = new Transport(
      {
        ...{ url, sessionId, token, clock, log: this.#log },
        tokenIn: options.tokenIn ?? "query",
        maxAttempts: options.maxAttempts ?? 5,
        socket: options.socket ?? browserSocket,
        random: options.random ?? Math.random,
      },
      {
        trying: (attempt) => this.#update({ status: this.#receiver.started ? "reconnecting" : "connecting", attempt }),
        windowKnown: () => this.#windowKnown,
        attachment: () => this.#attachment(),
        attached: (frame) => this.#attached(frame),
        frame: (frame) => this.#frame(frame),
        fault: (fault) => this.#fault(fault),
        latency: (latencyMs) => this.#update({ latencyMs }),
        lost: (error) => this.#lost(error),
        failed: (error) => this.#giveUp(error),
      },
    );
  }

  /** Everything but the bytes; replaced with every change. */
  get state(): TerminalState {
    return this.#state;
  }

  /** Hears of every new state; the answer ends it. */
  subscribe(listener: () => void): () => void {
    return this.#onState.add(listener);
  }

  /** Hears everything that the service says. */
  onMessage(listener: (message: TerminalMessage) => void): () => void {
    return this.#onMessage.add(listener);
  }

  /** Hears of every failure, also of those that heal. */
  onError(listener: (error: TerminalError) => void): () => void {
    return this.#onError.add(listener);
  }

  /** Connects, and stays connected. Also the way back after it gave up. */
  connect(): void {
    if (this.#state.status !== "ended") this.#transport.start();
  }

  /** Leaves; the shell goes on for its grace period, and `connect` finds it again. */
  disconnect(): void {
    this.#stop();
    this.#commands.failAll(new TerminalError("CONNECTION_FAILED", "the terminal was disconnected", true));
    if (this.#state.status !== "ended") this.#update({ status: "idle", attempt: 0, latencyMs: null });
  }

  /** The token for the next connection. */
  setToken(token: TokenSource): void {
    this.#transport.setToken(token);
  }

  /** Shows output in an emulator, history included; the answer takes it away again. */
  attach(sink: TerminalSink): () => void {
    this.#sink = sink;
    this.#receiver.use(sink);
    if (this.#receiver.started) {
      this.#fresh = true;
      this.#reattach();
    }
    return () => {
      if (this.#sink !== sink) return;
      this.#sink = undefined;
      this.#receiver.use(undefined);
    };
  }

  /** Types text, pastes, or sends bytes that are no text. Nothing is lost or doubled by a lost connection. */
  input(data: string | Uint8Array): void {
    if (!this.#mayType()) return;
    const taken = typeof data === "string" ? this.#input.type(data) : this.#input.bytes(data);
    if (!taken) this.#fail(new TerminalError("INPUT_FULL", "too much input waits already; this was not sent", true));
  }

  /** The window's size in characters; the terminal follows when the service says so. */
  resize(cols: number, rows: number): void {
    const size = { cols: clamp(cols, MIN_COLS, MAX_COLS), rows: clamp(rows, MIN_ROWS, MAX_ROWS) };
    const same = size.cols === this.#window.cols && size.rows === this.#window.rows;
    if (!same) this.#window = size;
    this.#windowKnown = true;
    this.#transport.windowKnown();
    if (!same && this.#transport.attached) this.#sayWindow();
  }

  /** Runs one command line in the session's shell. Rejects with a `TerminalError`, for example `BUSY`. */
  executeCommand(command: string): Promise<CommandResult> {
    const { status } = this.#state;
    if (status === "ended" || status === "failed") {
      return Promise.reject(
        new TerminalError(status === "ended" ? "SESSION_ENDED" : "CONNECTION_FAILED", "not connected"),
      );
    }
    if (this.#state.role === "viewer")
      return Promise.reject(new TerminalError("READ_ONLY", "a viewer runs no commands"));
    const { id, result } = this.#commands.begin(command);
    if (this.#commands.has(id)) this.#input.push({ type: "command", id, command });
    return result;
  }

  /** Says something to everyone attached to the session; false when it is empty or too long. */
  chat(message: string): boolean {
    const bytes = new TextEncoder().encode(message).length;
    if (message.trim() === "" || bytes > CHAT_BYTES || this.#state.status === "ended") return false;
    this.#input.push({ type: "chat_message", data: { message } });
    return true;
  }

  /** Ends the session itself, with everything that runs in it. */
  endSession(): void {
    if (this.#mayType()) this.#input.push({ type: "close" });
  }

  #mayType(): boolean {
    return this.#state.role === "controller" && this.#state.status !== "ended";
  }

  #attachment(): Attach {
    this.#attachedWindow = this.#window;
    this.#acknowledgedBefore = this.#input.acknowledged;
    this.#askedFresh = this.#fresh;
    const resume = this.#fresh ? undefined : this.#receiver.resumePoint;
    return { client: this.clientId, ...this.#window, ...(resume && { resume }) };
  }

  #attached(frame: ServerFrame & { type: "attached" } & Attached): void {
    const newShell = this.#receiver.started && frame.epoch !== this.#receiver.epoch;
    // The service forgot this client, or the shell is another one: what is not known to be applied must not be typed again.
    if (newShell || frame.inputSeq < this.#acknowledgedBefore) this.#discard(frame.inputSeq);
    this.#receiver.attached(frame, this.#askedFresh);
    const back = this.#state.status !== "connected";
    this.#update({ status: "connected", attempt: 0, error: null, role: frame.role, tty: frame.tty });
    this.#input.resume({
      epoch: frame.epoch,
      inputSeq: frame.inputSeq,
      windowBytes: frame.limits.inputWindowBytes,
      frameBytes: frame.limits.frameBytes,
    });
    if (this.#window !== this.#attachedWindow) this.#sayWindow();
    if (back) {
      this.#log.info("Session validation successful");
      this.#log.info("Connected successfully");
    }
    // An emulator came while the attach was on its way.
    if (this.#fresh && !this.#askedFresh) return this.#reattach();
    this.#fresh = false;
  }

  #frame(frame: ServerFrame): void {
    // Whatever was wrong: the way to the service is open again.
    if (frame.type !== "error" && this.#transport.attached) this.#update({ error: null });
    const stale = "epoch" in frame && frame.epoch !== this.#receiver.epoch;
    if (frame.ackSeq !== undefined && !stale && this.#transport.attached) this.#input.acknowledge(frame.ackSeq);
    switch (frame.type) {
      case "output":
      case "event":
      case "snapshot":
        this.#receiver.accept(frame);
        break;
      case "error":
        this.#refused(frame);
        break;
      case "attached":
      case "input_ack":
        break;
      default:
        this.#onMessage.tell(frame);
    }
    if (frame.head !== undefined && !stale && this.#transport.attached) this.#receiver.reach(frame.head);
  }

  #event(event: EventFrame): void {
    switch (event.kind) {
      case "command_result":
        this.#commands.done(event.id, event);
        break;
      case "tty":
        this.#update({ tty: { echo: event.echo, canonical: event.canonical } });
        break;
      case "title":
        this.#update({ title: event.title });
        break;
      case "closing":
        this.#update({ closing: { reason: event.reason, at: event.at } });
        break;
      case "exit":
        this.#ended(event);
        break;
    }
    this.#onMessage.tell({ ...event, type: "event" });
  }

  #refused(frame: { type: "error" } & ErrorMessage & ServerFrame): void {
    const error = new TerminalError(frame.code, frame.message, frame.retryable);
    if (frame.have !== undefined) this.#input.gap(frame.have);
    if (frame.id !== undefined) this.#commands.failed(frame.id, error);
    this.#onMessage.tell(frame);
    if (frame.code === "INPUT_GAP" || frame.code === "INPUT_FULL") return;
    const { attached, reattaching } = this.#transport;
    // Each message that was on its way is refused; the first refusal says it all.
    if ((attached || reattaching) && FORGOTTEN.includes(frame.code)) return this.#reattach();
    if (frame.code === "CONNECTION_GONE") return this.#transport.renew();
    this.#fail(error);
    if (frame.retryable && frame.id === undefined) this.#update({ error });
    if (frame.code === "SESSION_ENDED" || (!attached && REFUSED.includes(frame.code))) this.#giveUp(error);
    else if (frame.retryable) this.#receiver.again();
  }

  #fault(fault: GatewayFault): void {
    const error = new TerminalError("GATEWAY_FAULT", fault.message, true);
    this.#update({ error });
    this.#fail(error);
    this.#receiver.again();
  }

  /** On the same connection: a new epoch, or history for a new emulator. */
  #reattach(): void {
    if (this.#transport.reattach()) this.#pause();
  }

  #lost(error: TerminalError): void {
    this.#pause();
    this.#update({ error, latencyMs: null });
    this.#fail(error);
  }

  #giveUp(error: TerminalError): void {
    this.#stop();
    this.#commands.failAll(error);
    this.#log.error(`Giving up: ${error.message}`);
    if (error.code === "CONNECTION_FAILED") this.#fail(error);
    this.#update({ status: error.code === "SESSION_ENDED" ? "ended" : "failed", attempt: 0, latencyMs: null, error });
  }

  #ended(event: EventFrame & { kind: "exit" }): void {
    const { reason, exitCode, signal } = event;
    this.#update({ status: "ended", end: { reason, exitCode, ...(signal !== undefined && { signal }) } });
    this.#receiver.flush();
    this.#stop();
    this.#commands.failAll(new TerminalError("SESSION_ENDED", "the session ended"));
  }

  #discard(inputSeq: number): void {
    const missed = this.#input.discard(inputSeq);
    const error = new TerminalError(
      "INPUT_DISCARDED",
      "the service or the shell was started anew; what was typed before was thrown away",
    );
    this.#commands.failAll(error);
    if (missed) this.#fail(error);
  }

  #pause(): void {
    this.#input.pause();
    this.#receiver.detached();
  }

  #stop(): void {
    this.#pause();
    this.#transport.stop();
  }

  #sayWindow(): void {
    if (this.#mayType()) this.#input.push({ type: "resize", ...this.#window });
  }

  #fail(error: TerminalError): void {
    if (error.code !== "CONNECTION_FAILED") this.#log.warn(`${error.code}: ${error.message}`);
    this.#onError.tell(error);
  }

  #update(change: Partial<TerminalState>): void {
    const keys = Object.keys(change) as Array<keyof TerminalState>;
    if (keys.every((key) => Object.is(this.#state[key], change[key]))) return;
    this.#state = { ...this.#state, ...change };
    this.#onState.tell();
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.floor(value)));
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
