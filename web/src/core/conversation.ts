/**
 * What the service and this client say to each other, and what it means: attaching, frames, refusals, ends. Keeps the state that
 * a page sees. The parts that keep order and connections are made and joined here.
 */

import type { GatewayFault } from "../protocol/frame.ts";
import type { EndReason, ErrorMessage, Event as EventFrame, ServerFrame } from "../protocol/generated.ts";
import { browserClock, type Clock } from "./clock.ts";
import { Closings } from "./closings.ts";
import { Commands } from "./commands.ts";
import type { AttachedFrame, Attachment } from "./connection.ts";
import { TerminalError } from "./error.ts";
import { browserInflate } from "./inflate.ts";
import { InputQueue } from "./input-queue.ts";
import { Listeners } from "./listeners.ts";
import { consoleLog, type Log } from "./log.ts";
import { restarted, skipped, type TerminalNotice } from "./notice.ts";
import { Observed } from "./observed.ts";
import type { ClientOptions, TerminalMessage } from "./options.ts";
import type { Page } from "./page.ts";
import { Receiver } from "./receiver.ts";
import { verdict } from "./refusal.ts";
import type { TerminalSink } from "./sink.ts";
import { browserSocket } from "./socket.ts";
import { type Diagnostics, INITIAL_STATE, isOver, type TerminalState } from "./state.ts";
import { TIMES } from "./times.ts";
import { Transport, type TransportOptions } from "./transport.ts";
import { Window } from "./window.ts";

/** Ends of a shell that are not the end of its session: another service goes on with it. */
const MOVES: readonly EndReason[] = ["server_restart", "owner_lost"];

/** What every way of being closed has in common. */
const CLOSED = { status: "closed", attempt: 0, latency: null } as const;

/** One client's conversation, over all its connections. */
export class Conversation {
  readonly clientId: string;
  readonly clock: Clock;
  readonly state = new Observed<TerminalState>(INITIAL_STATE);
  readonly commands: Commands;
  readonly input: InputQueue;
  readonly transport: Transport;
  readonly onMessage = new Listeners<[TerminalMessage]>();
  readonly onNotice = new Listeners<[TerminalNotice]>();
  readonly onError = new Listeners<[TerminalError]>();
  /** It was left, refused, or has ended: nothing happens any more without being asked. */
  readonly onOver = new Listeners<[]>();
  readonly #log: Log;
  readonly #window: Window;
  readonly #receiver: Receiver;
  readonly #closings: Closings;
  /** What can be read beyond text and base64. */
  readonly #accept: string[];
  /** Ask for history anew at the next attach. */
  #fresh = false;
  /** Why the shell went away, on the way to the next one; and what that way brought. */
  #moving: EndReason | undefined;
  #refusal: TerminalError | undefined;
  /** The life of the shell whose beginning was told of. */
  #told = 0;

  constructor(options: ClientOptions, page: Page) {
    this.clientId = (options.clientId ?? randomId)();
    this.#window = new Window(options.size);
    this.#log = options.log ?? consoleLog(options.logLevel ?? "info");
    const clock = options.clock ?? browserClock;
    const inflate = options.inflate === undefined ? browserInflate : (options.inflate ?? undefined);
    this.clock = clock;
    this.#accept = inflate ? ["z"] : [];
    this.commands = new Commands(clock);
    this.#closings = new Closings(clock, (closing) => this.state.update({ closing }));
    this.input = new InputQueue({
      clock,
      send: (message) => this.transport.send(message),
      acknowledge: () => this.#receiver.acknowledge(),
    });
    this.#receiver = new Receiver({
      ...{ clock, inflate },
      send: (message) => this.transport.send(message),
      verify: () => this.transport.verify(),
      event: (event) => this.#event(event),
      output: (pos, bytes) => this.onMessage.tell({ type: "output", pos, bytes }),
      size: (cols, rows) => this.state.update({ size: { cols, rows } }),
      skipped: (positions) => this.#skipped(positions),
    });
    this.transport = new Transport(transportOptions(options, clock, this.#log), {
      trying: (attempt) => this.#trying(attempt),
      waiting: (retryAt) => this.state.update({ retryAt }),
      opening: (url) => this.#diagnose({ url, attempts: this.state.value.diagnostics.attempts + 1 }),
      worked: (connectionTime) => this.#diagnose({ connectionTime }),
      page,
      windowKnown: () => this.#window.known,
      attachment: () => this.#attachment(),
      attached: (frame, asked) => this.#attached(frame, asked),
      frame: (frame) => this.#frame(frame),
      fault: (fault) => this.#fault(fault),
      latency: (latency) => this.state.update({ latency }),
      lost: (error) => this.#lost(error),
      offline: (error) => this.#offline(error),
      failed: (error) => {
        this.fail(error);
        this.#giveUp(error);
      },
    });
  }

  /** Whether what this person types reaches the shell. */
  get mayType(): boolean {
    return this.state.value.role === "controller" && !this.over;
  }

  /** Whether the session is: no attempt would find it again. */
  get over(): boolean {
    return isOver(this.state.value);
  }

  /** Somebody wants something: no time to rest or to wait. */
  stir(): void {
    if (this.transport.resting || this.state.value.status === "offline") this.transport.wake();
  }

  /** Nobody looks: what comes meanwhile is asked for when somebody does. */
  rest(): void {
    if (this.transport.resting || this.commands.pending || this.input.pending) return;
    this.#log.debug("Nobody looks; resting");
    this.#pause();
    this.transport.rest();
  }

  /** Shows output in an emulator, with history; or in none. */
  show(sink: TerminalSink | undefined): void {
    this.#receiver.use(sink);
    if (!sink || !this.#receiver.started) return;
    this.#fresh = true;
    this.stir();
    this.#reattach();
  }

  /** The window has this size. */
  resize(cols: number, rows: number): void {
    const other = this.#window.resize(cols, rows);
    this.transport.windowKnown();
    if (other && this.transport.attached) this.#sayWindow();
  }

  /** Ends the conversation from this side, for now. */
  leave(): void {
    this.#stop();
    this.commands.failAll(new TerminalError("CONNECTION_FAILED", "the terminal was disconnected", true));
    if (!this.over) this.state.update({ ...CLOSED, error: null });
  }

  /** Tells of a failure. */
  fail(error: TerminalError): void {
    if (error.code !== "CONNECTION_FAILED") this.#log.warn(`${error.code}: ${error.message}`);
    this.#diagnose({ lastError: error.message, errorCode: error.code });
    this.onError.tell(error);
  }

  #attachment(): Attachment {
    const resume = this.#fresh ? undefined : this.#receiver.resumePoint;
    const accept = this.#accept.length > 0 && { accept: this.#accept };
    return {
      message: { client: this.clientId, ...this.#window.size, ...accept, ...(resume && { resume }) },
      acknowledged: this.input.acknowledged,
    };
  }

  #attached(frame: AttachedFrame, { message, acknowledged }: Attachment): void {
    const newShell = this.#receiver.started && frame.epoch !== this.#receiver.epoch;
    // History was asked for, and this is the answer to the attach before that.
    const older = !message.resume && this.#receiver.started && !newShell && frame.pos > 0;
    if (newShell) this.#newShell(frame.epoch, this.#moving);
    // The service forgot this client, or the shell is another one: what is not known to be applied must not be typed again.
    if (newShell || frame.inputSeq < acknowledged) this.#discard(frame.inputSeq);
    this.#receiver.attached(frame, !message.resume && !older);
    const back = this.state.value.status !== "connected";
    this.#closings.look();
    const life = { endsAt: frame.endsAt ?? null, canExtend: frame.canExtend ?? false };
    this.state.update({ status: "connected", attempt: 0, error: null, role: frame.role, ...life, ...this.#tty(frame) });
    this.input.resume({
      epoch: frame.epoch,
      inputSeq: frame.inputSeq,
      windowBytes: frame.limits.inputWindowBytes,
      frameBytes: frame.limits.frameBytes,
    });
    if (!this.#window.is(message)) this.#sayWindow();
    this.#moving = undefined;
    this.#refusal = undefined;
    if (back) {
      this.#log.info("Session validation successful");
      this.#log.info("Connected successfully");
    }
    // An emulator came while the attach was on its way.
    if (this.#fresh && (message.resume || older)) return this.#reattach();
    this.#fresh = false;
  }

  #tty({ tty }: AttachedFrame): Partial<TerminalState> {
    const { echo, canonical } = this.state.value.tty;
    return tty.echo === echo && tty.canonical === canonical ? {} : { tty };
  }

  #frame(frame: ServerFrame): void {
    const { attached } = this.transport;
    const epoch = "epoch" in frame ? frame.epoch : undefined;
    // Whatever was wrong: the way to the service is open again.
    if (frame.type !== "error" && attached) this.state.update({ error: null });
    if (attached && epoch !== undefined && epoch > this.#receiver.epoch) return this.#reattach();
    // What says not of which life it speaks, or of another one, says nothing about this one.
    const stands = attached && epoch === this.#receiver.epoch;
    if (stands && frame.ackSeq !== undefined) this.input.acknowledge(frame.ackSeq);
    switch (frame.type) {
      case "output":
      case "event":
      case "snapshot":
        this.#receiver.accept(frame);
        break;
      case "error":
        if (stands && frame.have !== undefined) this.input.gap(frame.have);
        this.#refused(frame);
        break;
      case "attached":
      case "input_ack":
        break;
      default:
        this.onMessage.tell(frame);
    }
    if (stands && frame.head !== undefined && this.transport.attached) this.#receiver.reach(frame.head);
  }

  #event(event: EventFrame): void {
    switch (event.kind) {
      case "command_result":
        this.commands.done(event.id, event);
        break;
      case "tty":
        this.state.update({ tty: { echo: event.echo, canonical: event.canonical } });
        break;
      case "title":
        this.state.update({ title: event.title });
        break;
      case "closing":
        this.#closings.announced(event.reason, event.at);
        // Its end can be put off, where a fresh token can be had.
        if (event.reason === "token_expired") this.transport.freshen();
        break;
      case "ends":
        this.state.update({ endsAt: event.at, canExtend: event.canExtend });
        break;
      case "stays":
        this.#closings.takenBack(event.reason);
        break;
      case "restarted":
        this.#newShell(event.epoch, event.reason);
        break;
      case "exit":
        // That of a shell before this one was heard of already.
        if (event.epoch === this.#receiver.epoch) this.#exited(event);
        break;
    }
    this.onMessage.tell({ ...event, type: "event" });
  }

  #exited({ reason, exitCode, signal }: EventFrame & { kind: "exit" }): void {
    this.#receiver.flush();
    if (MOVES.includes(reason)) {
      this.#moving = reason;
      return this.transport.renew("the service is being replaced");
    }
    this.#closings.clear();
    this.state.update({ ...CLOSED, end: { reason, exitCode, ...(signal !== undefined && { signal }) } });
    this.#stop();
    this.commands.failAll(new TerminalError("SESSION_ENDED", "the session ended"));
  }

  #newShell(epoch: number, reason: EndReason | undefined): void {
    if (this.#told === epoch) return;
    this.#told = epoch;
    this.#closings.clear();
    this.state.update({ title: "" });
    this.onNotice.tell(restarted(reason));
  }

  #skipped(positions: number): void {
    this.#log.info(`${positions} positions of output were skipped`);
    this.commands.doubt();
    this.onNotice.tell(skipped(positions));
  }

  #refused(frame: { type: "error" } & ErrorMessage & ServerFrame): void {
    const error = new TerminalError(frame.code, frame.message, frame.retryable);
    if (frame.id !== undefined) this.commands.failed(frame.id, error);
    this.onMessage.tell(frame);
    const { attached, worked, renewable } = this.transport;
    const what = verdict(frame, { attached, worked, renewable, moving: this.#moving !== undefined });
    if (what === "heals") return;
    // Each message that was on its way is refused; the first refusal says it all.
    if (what === "reattach") return this.#reattach();
    if (what === "renew") {
      if (this.#moving) this.#refusal = error;
      return this.transport.renew(frame.message);
    }
    this.fail(error);
    if (frame.retryable && frame.id === undefined) this.state.update({ error });
    if (what === "final") this.#giveUp(error);
    else if (what === "broken") this.#receiver.again();
  }

  #fault(fault: GatewayFault): void {
    const error = new TerminalError("GATEWAY_FAULT", fault.message, true);
    this.state.update({ error });
    this.fail(error);
    this.#receiver.again();
  }

  #trying(attempt: number): void {
    this.state.update({ status: this.#receiver.started ? "reconnecting" : "connecting", attempt });
  }

  /** On the same connection: a new epoch, or history for a new emulator. */
  #reattach(): void {
    if (this.transport.reattach()) this.#pause();
  }

  #lost(error: TerminalError): void {
    this.#pause();
    this.state.update({ error, latency: null });
    this.fail(error);
  }

  #offline(error: TerminalError): void {
    if (this.#refusal && error.code === "MAX_RETRIES_EXCEEDED") return this.#giveUp(this.#refusal);
    this.#pause();
    // Nobody should wait for them that long; and what nobody waits for should not be run later.
    this.input.withdrawCommands();
    this.commands.failAll(error);
    this.state.update({ status: "offline", attempt: 0, latency: null, error });
    this.fail(error);
  }

  #giveUp(error: TerminalError): void {
    this.#stop();
    this.commands.failAll(error);
    this.#log.error(`Giving up: ${error.message}`);
    this.state.update({ ...CLOSED, error });
  }

  #discard(inputSeq: number): void {
    const missed = this.input.discard(inputSeq);
    const error = new TerminalError(
      "INPUT_DISCARDED",
      "the service or the shell was started anew; what was typed before was thrown away",
    );
    this.commands.failAll(error);
    if (missed) this.fail(error);
  }

  #diagnose(news: Partial<Diagnostics>): void {
    this.state.update({ diagnostics: { ...this.state.value.diagnostics, ...news } });
  }

  #pause(): void {
    this.input.pause();
    this.#receiver.detached();
  }

  #stop(): void {
    this.#pause();
    this.#closings.rest();
    this.transport.stop();
    this.onOver.tell();
  }

  #sayWindow(): void {
    // Refused when very much waits; the next attach says the size again.
    if (this.mayType) this.input.push({ type: "resize", ...this.#window.size });
  }
}

function transportOptions(options: ClientOptions, clock: Clock, log: Log): TransportOptions {
  const { url, sessionId, token } = options;
  return {
    ...{ url, sessionId, token, clock, log },
    times: { ...TIMES, ...options.times },
    tokenIn: options.tokenIn ?? "query",
    maxAttempts: options.maxAttempts ?? 5,
    socket: options.socket ?? browserSocket,
    random: options.random ?? Math.random,
  };
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
