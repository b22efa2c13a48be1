/**
 * The public API of a terminal, without any framework: what a page calls. `session.ts` speaks the protocol.
 */

import { CHAT_BYTES, type LoanDuration, type Theme } from "../protocol/generated.ts";
import { ClientEvents } from "./client-events.ts";
import { Timer } from "./clock.ts";
import type { CommandResult } from "./commands.ts";
import { controls, mayType } from "./control.ts";
import { TerminalError } from "./error.ts";
import { type Action, MAX_QUEUED_CHARACTERS } from "./input-queue.ts";
import { dropped, formatBytes, type TerminalNotice } from "./notice.ts";
import { type ClientOptions, type FileMessage, resolveOptions, type TerminalMessage } from "./options.ts";
import { ProtocolSession } from "./session.ts";
import type { TerminalState } from "./state.ts";
import type { TerminalSink } from "./terminal-sink.ts";
import type { ServiceAccess, TokenSource } from "./token.ts";
import { VisibilityMonitor } from "./visibility.ts";

const CTRL_C = "\x03";
/** Longest time for which a page that leaves stays connected until the end that it asked for, in ms. */
const CLOSE_MS = 10_000;

/** A line on its way to the prompt. */
export interface TypedLine {
  /** The number of its message, once that is sent. */
  readonly seq?: number;
}

/** A terminal that stays connected and delivers input and output in order and exactly once. */
export class TerminalClient {
  readonly #clientId: () => string;
  readonly #events: ClientEvents;
  readonly #session: ProtocolSession;
  readonly #visibility: VisibilityMonitor;
  #sink: TerminalSink | undefined;
  /** True once this page has asked for the session's end. */
  #closes = false;
  /** Runs while the page leaves, and its end of the session is on its way. */
  readonly #leaving: Timer;

  constructor(options: ClientOptions) {
    const resolved = resolveOptions(options);
    const { clientId, clock, log, page, times } = resolved;
    this.#clientId = clientId;
    this.#events = new ClientEvents(log);
    this.#leaving = new Timer(clock);
    this.#session = new ProtocolSession(resolved, this.#events, () => {
      this.#leaving.clear();
      this.#visibility.stop();
    });
    this.#visibility = new VisibilityMonitor({
      ...{ clock, page, hiddenMs: times.hiddenMs },
      idle: () => this.#session.suspend(),
      active: () => this.#session.active(),
      offline: () => this.#session.transport.offline(),
    });
  }

  /** Names this page load. */
  get clientId(): string {
    return this.#clientId();
  }

  /** Everything except the output; replaced by every change. */
  get state(): TerminalState {
    return this.#events.value;
  }

  /** For requests to the service itself. */
  get access(): ServiceAccess {
    return this.#session.transport.access();
  }

  /** False if ending the session stops no program in front: it is over, or its shell waits, and nothing was typed since. */
  get busy(): boolean {
    return this.#session.busy;
  }

  /** Calls `listener` after every change of `state`; like all listeners, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** Delivers everything that the service sends. */
  onMessage(listener: (message: TerminalMessage) => void): () => void {
    return this.#events.message.add(listener);
  }

  /** Asks for the event `command` of the shell, from the next attach on: `onMessage` delivers it. */
  wantCommands(): void {
    this.#session.wishes.commands = true;
  }

  /** Reports facts that a person should know although nothing is wrong. */
  onNotice(listener: (notice: TerminalNotice) => void): () => void {
    return this.#events.notice.add(listener);
  }

  /** Reports every failure, including temporary ones. */
  onError(listener: (error: TerminalError) => void): () => void {
    return this.#events.error.add(listener);
  }

  /** Connects and stays connected. Skips the delay of a pending attempt. */
  connect(): void {
    if (this.#session.over) return;
    this.#leaving.clear();
    this.#visibility.start();
    this.#session.transport.start();
  }

  /**
   * Disconnects; the shell continues for its detach timeout, and `connect` finds it again. After `close`, once the session
   * has ended: the end of a connection may overtake its last message.
   */
  disconnect(): void {
    if (!this.#closes || this.#session.over) this.#session.leave();
    else this.#leaving.set(CLOSE_MS, () => this.#session.leave());
  }

  /** Sets the token for the next connection. A new string is used at once, without an interruption. */
  setToken(token: TokenSource): void {
    const isNew = this.#session.transport.setToken(token);
    const { status, error } = this.state;
    // A revoked page does not reconnect by itself.
    if (isNew && status === "closed" && error && error.code !== "REVOKED") this.connect();
  }

  /** Shows output in an emulator, including history; the returned function detaches it. */
  attach(sink: TerminalSink): () => void {
    this.#sink = sink;
    this.#session.setSink(sink);
    return () => {
      if (this.#sink !== sink) return;
      this.#sink = undefined;
      this.#session.setSink(undefined);
    };
  }

  /**
   * The emulator threw or stopped on the output: it gets no more. The next one that is attached gets the screen, and never
   * what was printed so far.
   */
  emulatorFailed(sink: TerminalSink, why: unknown): void {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    this.#session.emulatorFailed(why);
  }

  /**
   * Types text, pastes, or sends bytes that are not UTF-8. A lost connection loses or repeats none of it. Ctrl-C on its
   * own overtakes queued input and drops the rest of a paste. Keys that the page shows already (`predicted`) wait up to
   * 80 ms for further ones while earlier ones are unacknowledged, and their echo up to 500 ms: they then share messages.
   */
  input(data: string | Uint8Array, predicted = false): void {
    if (!mayType(this.state) || this.#session.over) return;
    this.#session.wake();
    const { input } = this.#session;
    if (data === CTRL_C) return this.#interrupt();
    const queued = typeof data === "string" ? input.type(data, predicted) : input.bytes(data);
    if (!queued) this.#queueFull(`${formatBytes(data.length)} cannot be sent`);
  }

  /** Sends a message about a file, which its sender repeats until `onMessage` delivers the answer; false without a connection. */
  sendAboutFile(message: FileMessage): boolean {
    this.#session.wake();
    return this.#session.input.aside(message);
  }

  /** Length of all input so far, in characters; the emulator learns how much of it was applied. */
  get inputLength(): number {
    return this.#session.input.length;
  }

  /** Sets the window's size in characters; the terminal follows when the service confirms it. */
  resize(cols: number, rows: number): void {
    this.#session.resize(cols, rows);
  }

  /**
   * Tells the colours of the emulator, for programs that ask for them. The addon does it when it is loaded; a page that
   * changes the colours later calls it too.
   */
  setTheme(theme: Theme): void {
    this.#session.setTheme(theme);
  }

  /**
   * Runs one command line in the session's shell. Rejects with a `TerminalError`, for example `BUSY`. Programs in the
   * session can forge the result: it proves nothing about who wrote it.
   */
  executeCommand(command: string): Promise<CommandResult> {
    const { commands } = this.#session;
    const rejected = this.#mayNotRun();
    if (rejected) return Promise.reject(rejected);
    const { id, result } = commands.begin(command);
    if (commands.has(id) && !this.#push({ type: "command", id, command })) {
      commands.reject(id, new TerminalError("INPUT_FULL", "the input queue is full", true));
    }
    return result;
  }

  /**
   * Types a line at the shell's empty prompt, without Enter, because a person clicked on it. The service refuses it anywhere
   * else, with an `error` message of the same `seq`. Undefined if this page may not type.
   */
  typeLine(line: string): TypedLine | undefined {
    const typed: Action = { type: "type_line", line };
    return mayType(this.state) && !this.#session.over && this.#push(typed) ? typed : undefined;
  }

  /** Takes a message to the class off the page. */
  dismiss(id: string): void {
    this.#events.update({ announcements: this.state.announcements.filter((notice) => notice.id !== id) });
  }

  /** Sends a chat message to everyone attached to the session; false if it is empty, too long, or cannot be sent. */
  chat(message: string): boolean {
    const bytes = new TextEncoder().encode(message).length;
    if (message.trim() === "" || bytes > CHAT_BYTES || this.#session.over) return false;
    return this.#push({ type: "chat_message", data: { message } });
  }

  /** Raises or lowers the hand of the session's owner: `state.hand` shows it. */
  raiseHand(up: boolean): void {
    this.#tell({ type: "hand", up });
  }

  /** Tells the owner that this instructor has seen the raised hand. */
  seeHand(): void {
    this.#tell({ type: "hand_seen" });
  }

  /** Asks the owner to let this page type, if `state.canAsk`: `state.control` shows the answer. */
  ask(): void {
    this.#tell({ type: "ask" });
  }

  /** Lets the person who asks type: until ten minutes without a key of theirs, or until it is taken back. */
  allow(who: number, lasts: LoanDuration): void {
    this.#tell({ type: "allow", who, for: lasts });
  }

  /** Ends the loan of the owner's keyboard, or refuses the person who asks. */
  takeBack(): void {
    this.#tell({ type: "take_back" });
  }

  /** Ends this page's loan, or its question. */
  giveBack(): void {
    this.#tell({ type: "give_back" });
  }

  /** Holds back the keys of everyone but the owner, or no longer. */
  onlyMe(on: boolean): void {
    this.#tell({ type: "only_me", on });
  }

  /** Removes a person for good, with everyone who has the same link: they do not come back with it. */
  remove(who: number): void {
    this.#tell({ type: "remove", who });
  }

  /** Requests more time: `state.endsAt` shows the result, and an announced end because of idleness is cancelled. */
  extend(): void {
    if (this.#controls && !this.#push({ type: "extend" })) this.#queueFull("the session cannot be extended");
  }

  /** Ends the session with everything that runs in it; `disconnect` only leaves it. */
  close(): void {
    if (!this.#controls) return;
    this.#closes = this.#push({ type: "close" });
    if (!this.#closes) this.#queueFull("the session cannot be closed");
  }

  #interrupt(): void {
    const characters = this.#session.input.interrupt();
    if (characters === undefined) this.#queueFull("Ctrl-C cannot be sent");
    else if (characters > 0) this.#events.notice.emit(dropped(characters));
  }

  get #controls(): boolean {
    return controls(this.state) && !this.#session.over;
  }

  /** Tells the people of the session something. */
  #tell(action: Action): void {
    if (!this.#session.over) this.#push(action);
  }

  #push(action: Action): boolean {
    this.#session.wake();
    return this.#session.input.push(action);
  }

  #queueFull(what: string): void {
    const text = `${what}: at most ${formatBytes(MAX_QUEUED_CHARACTERS)} can be queued. Nothing was sent`;
    this.#events.fail(new TerminalError("INPUT_FULL", text, true));
  }

  #mayNotRun(): TerminalError | undefined {
    const { status } = this.state;
    if (this.#session.over) return new TerminalError("SESSION_ENDED", "the session ended");
    if (status === "closed" || status === "offline") {
      this.#session.wake();
      return new TerminalError("CONNECTION_FAILED", "not connected", true);
    }
    return mayType(this.state) ? undefined : new TerminalError("READ_ONLY", "a viewer cannot run commands");
  }
}
