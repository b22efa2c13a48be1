/**
 * The terminal in the browser, without any framework: connects, comes back, and keeps both directions exactly once and in
 * order. What a page calls is here; what the service says goes to the conversation, and what each promise takes to keep is in
 * the files beside it.
 */

import { CHAT_BYTES } from "../protocol/generated.ts";
import type { CommandResult } from "./commands.ts";
import { Conversation } from "./conversation.ts";
import { TerminalError } from "./error.ts";
import { type Action, WAITING_CHARACTERS } from "./input-queue.ts";
import { amount, dropped, type TerminalNotice } from "./notice.ts";
import type { ClientOptions, TerminalMessage } from "./options.ts";
import { browserPage } from "./page.ts";
import { Presence } from "./presence.ts";
import type { TerminalSink } from "./sink.ts";
import type { TerminalState } from "./state.ts";
import { TIMES } from "./times.ts";
import type { TokenSource } from "./token.ts";

/** The key of Ctrl-C, on its own. */
const CTRL_C = "\x03";

/** One terminal. */
export class TerminalClient {
  readonly #talk: Conversation;
  readonly #presence: Presence;
  #sink: TerminalSink | undefined;

  constructor(options: ClientOptions) {
    const page = options.page ?? browserPage;
    this.#talk = new Conversation(options, page);
    this.#presence = new Presence({
      ...{ clock: this.#talk.clock, page, hiddenMs: options.times?.hiddenMs ?? TIMES.hiddenMs },
      away: () => this.#talk.rest(),
      back: () => this.#talk.transport.wake(),
      offline: () => this.#talk.transport.offline(),
    });
    this.#talk.onOver.add(() => this.#presence.stop());
  }

  /** Names this page load. */
  get clientId(): string {
    return this.#talk.clientId;
  }

  /** Everything but the bytes; replaced with every change. */
  get state(): TerminalState {
    return this.#talk.state.value;
  }

  /** Hears of every new state; the answer ends it. */
  subscribe(listener: () => void): () => void {
    return this.#talk.state.subscribe(listener);
  }

  /** Hears everything that the service says. */
  onMessage(listener: (message: TerminalMessage) => void): () => void {
    return this.#talk.onMessage.add(listener);
  }

  /** Hears what a person should know although nothing is wrong. */
  onNotice(listener: (notice: TerminalNotice) => void): () => void {
    return this.#talk.onNotice.add(listener);
  }

  /** Hears of every failure, also of those that heal. */
  onError(listener: (error: TerminalError) => void): () => void {
    return this.#talk.onError.add(listener);
  }

  /** Connects, and stays connected. While it is offline or waits for another attempt: tries at once. */
  connect(): void {
    if (this.#talk.over) return;
    this.#presence.start();
    this.#talk.transport.start();
  }

  /** Leaves; the shell goes on for its grace period, and `connect` finds it again. */
  disconnect(): void {
    this.#talk.leave();
  }

  /** The token for the next connection. A new text is put to use at once, without anybody noticing. */
  setToken(token: TokenSource): void {
    const fresh = this.#talk.transport.setToken(token);
    // A page that was closed for good does not come back by itself.
    const { status, error } = this.state;
    if (fresh && status === "closed" && error && error.code !== "REVOKED") this.connect();
  }

  /** Shows output in an emulator, history included; the answer takes it away again. */
  attach(sink: TerminalSink): () => void {
    this.#sink = sink;
    this.#talk.show(sink);
    return () => {
      if (this.#sink !== sink) return;
      this.#sink = undefined;
      this.#talk.show(undefined);
    };
  }

  /**
   * Types text, pastes, or sends bytes that are no text. Nothing is lost or doubled by a lost connection. Ctrl-C on its own
   * overtakes what waits to be sent, and takes back the rest of a paste.
   */
  input(data: string | Uint8Array): void {
    if (!this.#talk.mayType) return;
    this.#talk.stir();
    const { input } = this.#talk;
    if (data === CTRL_C) return this.#interrupt();
    const taken = typeof data === "string" ? input.type(data) : input.bytes(data);
    if (!taken) this.#full(`${amount(data.length)} cannot be sent`);
  }

  /** The window's size in characters; the terminal follows when the service says so. */
  resize(cols: number, rows: number): void {
    this.#talk.resize(cols, rows);
  }

  /** Runs one command line in the session's shell. Rejects with a `TerminalError`, for example `BUSY`. */
  executeCommand(command: string): Promise<CommandResult> {
    const { commands } = this.#talk;
    const refused = this.#mayNotRun();
    if (refused) return Promise.reject(refused);
    const { id, result } = commands.begin(command);
    if (commands.has(id) && !this.#push({ type: "command", id, command })) {
      commands.failed(id, new TerminalError("INPUT_FULL", "too much waits to be sent already", true));
    }
    return result;
  }

  /** Says something to everyone attached to the session; false when it is empty, too long, or cannot be sent. */
  chat(message: string): boolean {
    const bytes = new TextEncoder().encode(message).length;
    if (message.trim() === "" || bytes > CHAT_BYTES || this.#talk.over) return false;
    return this.#push({ type: "chat_message", data: { message } });
  }

  /** Asks for more time: `state.endsAt` says what was given, and an announced end of a silent session is taken back. */
  extend(): void {
    if (this.#talk.mayType && !this.#push({ type: "extend" })) this.#full("the wish for more time cannot be sent");
  }

  /** Ends the session itself, with everything that runs in it. `disconnect` only leaves it. */
  close(): void {
    if (this.#talk.mayType && !this.#push({ type: "close" })) this.#full("the end of the session cannot be sent");
  }

  #interrupt(): void {
    const taken = this.#talk.input.interrupt();
    if (taken === undefined) this.#full("Ctrl-C cannot be sent");
    else if (taken > 0) this.#talk.onNotice.tell(dropped(taken));
  }

  #push(action: Action): boolean {
    this.#talk.stir();
    return this.#talk.input.push(action);
  }

  #full(what: string): void {
    const most = amount(WAITING_CHARACTERS);
    const text = `${what}: at most ${most} may wait. Nothing of it was sent`;
    this.#talk.fail(new TerminalError("INPUT_FULL", text, true));
  }

  #mayNotRun(): TerminalError | undefined {
    const { status, role } = this.state;
    if (this.#talk.over) return new TerminalError("SESSION_ENDED", "the session ended");
    if (status === "closed" || status === "offline") {
      this.#talk.stir();
      return new TerminalError("CONNECTION_FAILED", "not connected", true);
    }
    return role === "viewer" ? new TerminalError("READ_ONLY", "a viewer runs no commands") : undefined;
  }
}
