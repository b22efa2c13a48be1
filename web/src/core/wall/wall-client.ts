/**
 * An instructor's connection to the wall: keeps it open, puts updates together, acknowledges them, and says which sessions
 * are in view. Knows no session's terminal.
 */

import { fromBase64 } from "../../protocol/bytes.ts";
import { readFrame } from "../../protocol/frame.ts";
import {
  type Announced,
  type ClientMessage,
  type ServerFrame,
  SUBPROTOCOL,
  WALL_RAW_BYTES,
  type WallFrame,
  type WallNews,
} from "../../protocol/generated.ts";
import { Backoff } from "../backoff.ts";
import { browserClock, type Clock, Timer } from "../clock.ts";
import { isOneTooMany } from "../close-reason.ts";
import { browserInflate, type Inflate } from "../inflate.ts";
import { randomId } from "../options.ts";
import { browserPage, type Page } from "../page.ts";
import { browserSocket, type Socket, type SocketFactory } from "../socket.ts";
import { obtainToken, type TokenSource } from "../token.ts";
import { WallModel } from "./wall-model.ts";

/** Time after which a page that is looked at says so again: less than a relay carries a silent page. */
const FOLLOW_MS = 20_000;
/** A connection without any frame for this long after a message is dead. */
const DEAD_MS = 50_000;
/** Time after an error that may pass: another instance of the service may have the wall by then. */
const AGAIN_MS = 2000;
/** An update is acknowledged with the next one, or after this time: half the messages. */
const ACK_DELAY_MS = 2000;
/** Time for the answer to a message to the class. */
const ANNOUNCE_TIMEOUT_MS = 10_000;
/** Codes after which another attempt is of no use. */
const FINAL = new Set(["FORBIDDEN", "UNAUTHORIZED", "REVOKED"]);

export type WallStatus = "connecting" | "connected" | "reconnecting" | "refused" | "closed";

/** State of a wall; replaced by every change. */
export interface WallState {
  readonly status: WallStatus;
  /** Why it is refused or waits, for a person. */
  readonly problem: string;
  /** Grows with every update. */
  readonly version: number;
}

export interface WallOptions {
  /** `wss://…` of the API Gateway stage, or of a service that accepts WebSockets itself. */
  url: string;
  /** An instructor's token, without a session. */
  token: TokenSource;
  clock?: Clock;
  page?: Page;
  socket?: SocketFactory;
  /** Decompresses updates; `null` requests none that is compressed. */
  inflate?: Inflate | null;
  /** From 0 up to 1. */
  random?: () => number;
  /** Names this page load: 128 random bits. */
  clientId?: string;
}

/** No answer came: what was sent may have arrived. */
export class NoAnswerError extends Error {}

export class WallClient {
  readonly model = new WallModel();
  #state: WallState = { status: "closed", problem: "", version: 0 };
  readonly #listeners = new Set<() => void>();
  readonly #clock: Clock;
  readonly #page: Page;
  readonly #inflate: Inflate | undefined;
  readonly #client: string;
  readonly #backoff: Backoff;
  readonly #retry: Timer;
  readonly #follow: Timer;
  readonly #ack: Timer;
  readonly #dead: Timer;
  #socket: Socket | undefined;
  #unwatch: (() => void) | undefined;
  #visible: readonly string[] | undefined;
  #acked = 0;
  /** Messages to the class that wait for their answer. */
  readonly #announcing = new Map<string, { done: (answer: Announced) => void; failed: (error: Error) => void }>();
  /** The last message to the class that was not answered yet. */
  #unanswered: { text: string; line: string; id: string } | undefined;
  #resyncing = false;
  /** Frames are applied one after the other, although decompression takes its time. */
  #queue: WallFrame[] = [];
  #inflating = false;

  constructor(private readonly options: WallOptions) {
    this.#clock = options.clock ?? browserClock;
    this.#page = options.page ?? browserPage;
    this.#inflate = options.inflate === null ? undefined : (options.inflate ?? browserInflate);
    this.#client = options.clientId ?? randomId();
    this.#backoff = new Backoff(Number.POSITIVE_INFINITY, options.random ?? Math.random);
    const timer = () => new Timer(this.#clock);
    [this.#retry, this.#follow, this.#ack, this.#dead] = [timer(), timer(), timer(), timer()];
  }

  get state(): WallState {
    return this.#state;
  }

  /** Calls `listener` after every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Connects and stays connected, while the page is shown. */
  connect(): void {
    if (this.#unwatch) return;
    this.#unwatch = this.#page.watch(() => this.#look());
    this.#open("connecting");
  }

  disconnect(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#drop();
    this.#retry.clear();
    this.#set({ status: "closed", problem: "" });
  }

  /** Says which sessions are in view: their screens come first. */
  setVisible(ids: readonly string[]): void {
    const same = this.#visible?.length === ids.length && ids.every((id, at) => this.#visible?.[at] === id);
    if (same) return;
    this.#visible = ids;
    this.#look();
  }

  /**
   * Tells the class something, with a line to type if there is one. Says how many sessions show it, and how many do not.
   * Rejects with a `NoAnswerError` if that is not known: the same message, sent again, is shown once.
   */
  async announce(text: string, line = ""): Promise<Announced> {
    if (!this.#socket) throw new Error("The wall is not connected.");
    const last = this.#unanswered;
    const isAgain = last?.text === text && last.line === line && !this.#announcing.has(last.id);
    const id = isAgain ? last.id : randomId();
    this.#unanswered = { text, line, id };
    const timer = new Timer(this.#clock);
    const answer = new Promise<Announced>((done, failed) => this.#announcing.set(id, { done, failed }));
    const late = () => this.#announcing.get(id)?.failed(new NoAnswerError("The service did not answer."));
    timer.set(ANNOUNCE_TIMEOUT_MS, late);
    this.#send({ type: "announce", id, text, ...(line && { line }) });
    try {
      const announced = await answer;
      this.#unanswered = undefined;
      return announced;
    } finally {
      timer.clear();
      this.#announcing.delete(id);
    }
  }

  #set(change: Partial<WallState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #open(status: WallStatus): void {
    this.#set({ status });
    const failed = (why: string) => this.#lost(why);
    obtainToken(
      this.options.token,
      (token) => this.#unwatch && this.#connect(token),
      () => failed("No token is available."),
    );
  }

  #connect(token: string): void {
    const url = new URL(this.options.url);
    const socket = (this.options.socket ?? browserSocket)(url.href, [SUBPROTOCOL, token]);
    this.#socket = socket;
    const current = (act: () => void) => () => this.#socket === socket && act();
    socket.onopen = current(() => {
      this.#look();
      this.#dead.set(DEAD_MS, () => this.#lost("The connection gave no sign of life any more."));
    });
    socket.onmessage = (event) => this.#socket === socket && this.#receive(event.data);
    socket.onclose = current(() => this.#lost("The connection was lost."));
  }

  /** Tells the service what is looked at, and does so again before it would stop. */
  #look(resync = false): void {
    if (!this.#socket) return;
    const visible = this.#page.visible ? this.#visible : [];
    this.#send({
      type: "wall",
      client: this.#client,
      ...(this.#inflate && { accept: ["z"] }),
      ...(visible && { visible: [...visible].slice(0, 200) }),
      ...(resync && { resync }),
    });
    if (!this.#page.visible) return this.#follow.clear();
    // Its answer is the sign of life of a class where nothing happens.
    this.#send({ type: "ping" });
    this.#follow.set(FOLLOW_MS, () => this.#look());
  }

  #send(message: ClientMessage): void {
    try {
      this.#socket?.send(JSON.stringify(message));
    } catch {
      // Not open yet, or closing: `onopen` or `onclose` follows.
    }
  }

  #receive(data: unknown): void {
    this.#dead.set(DEAD_MS, () => this.#page.visible && this.#lost("The connection gave no sign of life any more."));
    const frame = readFrame(data);
    if (frame?.type === "wall") {
      this.#queue.push(frame);
      this.#next();
    } else if (frame?.type === "announced") this.#announcing.get(frame.id)?.done(frame);
    else if (frame?.type === "renew") this.#look();
    else if (frame?.type === "error") this.#refused(frame);
  }

  #refused(error: Extract<ServerFrame, { type: "error" }>): void {
    const { code, message, id } = error;
    // A refusal of one message says nothing about the wall.
    if (id !== undefined) return this.#announcing.get(id)?.failed(new Error(message));
    if (code === "NOT_ATTACHED") return this.#look(true);
    if (isOneTooMany(error)) return this.#lost(message);
    if (FINAL.has(code)) {
      this.#drop();
      this.#set({ status: "refused", problem: message });
    } else {
      this.#set({ problem: message });
      if (error.retryable && this.#page.visible) this.#follow.set(AGAIN_MS, () => this.#look(true));
    }
  }

  #next(): void {
    while (!this.#inflating) {
      const frame = this.#queue.shift();
      if (!frame) return;
      if (!this.model.expects(frame)) this.#resync();
      else if ("z" in frame) this.#unpack(frame, frame.z);
      else this.#apply(frame, frame);
    }
  }

  #unpack(frame: WallFrame, z: string): void {
    const packed = fromBase64(z);
    if (!this.#inflate || !packed) return this.#resync();
    this.#inflating = true;
    const socket = this.#socket;
    this.#inflate(packed, WALL_RAW_BYTES, (bytes) => {
      this.#inflating = false;
      if (this.#socket !== socket) return;
      const news = bytes && parseNews(bytes);
      if (news) this.#apply(frame, news);
      else this.#resync();
      this.#next();
    });
  }

  #apply(frame: WallFrame, news: WallNews): void {
    if (frame.full) this.#resyncing = false;
    if (!this.model.apply(frame, news)) return;
    this.#backoff.reset();
    if (frame.v - this.#acked >= 2) this.#acknowledge();
    else if (!this.#ack.pending) this.#ack.set(ACK_DELAY_MS, () => this.#acknowledge());
    this.#set({ status: "connected", problem: "", version: this.#state.version + 1 });
  }

  #acknowledge(): void {
    this.#ack.clear();
    this.#acked = this.model.v;
    this.#send({ type: "wall_ack", client: this.#client, v: this.model.v });
  }

  /** Asks for everything, once for each loss. */
  #resync(): void {
    if (this.#resyncing) return;
    this.#resyncing = true;
    this.#look(true);
  }

  #lost(problem: string): void {
    this.#drop();
    if (!this.#unwatch) return;
    this.#set({ status: "reconnecting", problem });
    this.#retry.set(this.#backoff.nextDelay(), () => this.#open("reconnecting"));
  }

  #drop(): void {
    for (const timer of [this.#follow, this.#ack, this.#dead]) timer.clear();
    const socket = this.#socket;
    this.#socket = undefined;
    this.#queue = [];
    this.#inflating = false;
    this.#resyncing = false;
    for (const { failed } of this.#announcing.values()) failed(new NoAnswerError("The connection was lost."));
    socket?.close(1000);
  }
}

function parseNews(bytes: Uint8Array): WallNews | undefined {
  try {
    const news: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof news === "object" && news !== null ? (news as WallNews) : undefined;
  } catch {
    return undefined;
  }
}
