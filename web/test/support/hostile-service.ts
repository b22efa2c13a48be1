/**
 * A small model of the service, the gateway and its functions that loses, repeats, delays and cuts. It follows the
 * protocol and records what it receives, for tests to compare.
 */

import type { Inflate } from "../../src/core/index.ts";
import type { ClientMessage, PositionedEvent, ServerFrame } from "../../src/protocol/generated.ts";
import type { FakeClock } from "./clock.ts";
import { attachedFrame } from "./harness.ts";
import { FakeSocket } from "./socket.ts";

/** Shares from 0 to 1. */
export interface FaultRates {
  lose: number;
  repeat: number;
  reorder: number;
  /** Number of messages after which a connection breaks. */
  cutAfter: number;
  /** Share of frames after which the relay dies silently. */
  kill: number;
  /** Share of attaches and repairs that are answered by a snapshot. */
  snapshot: number;
  /** Share of compressed frames. */
  compress: number;
}

export const NO_FAULTS: FaultRates = {
  ...{ lose: 0, repeat: 0, reorder: 0, cutAfter: Number.POSITIVE_INFINITY },
  ...{ kill: 0, snapshot: 0.2, compress: 0.2 },
};

const DELAY_MS = 20;
const REORDER_MS = 400;
/** Longest frame, in bytes. */
const MAX_FRAME_BYTES = 3000;
/** Time to post a frame; one post is in flight at a time. */
const POST_MS = 5;
/** Lifetime of a relay, and of an unused grant. */
const FOLLOW_MS = 25_000;
const GRANT_MS = 3000;
/** Unacknowledged output is sent again after this. */
const RESEND_MS = 2000;
const GAP_MS = 2000;
/** An interrupt skips unsent output above this size. */
const MIN_SKIP_BYTES = 500;
/** Number of characters on the model's screen. */
const SCREEN_LENGTH = 60;

/** Input that reached the shell. */
export interface Applied {
  epoch: number;
  what: string;
}

export class HostileService {
  faultRates: FaultRates;
  epoch = 1000;
  /** Input of all shells: keys, and `^C` for a signal. */
  readonly applied: Applied[] = [];
  /** Positions of events in the stream of this epoch. */
  readonly events: number[] = [];
  length = 0;
  /** The epoch that the client knows; 0 before the first. */
  known = 0;
  /** The acknowledged position. */
  acked = 0;
  cuts = 0;
  #seq = 0;
  #early = new Map<number, ClientMessage>();
  #gapSince: number | undefined;
  #discardUntil = 0;
  #acted = new Set<number>();
  #sent = 0;
  #progress = 0;
  #snapshotId = 0;
  #snapshot: Array<Partial<ServerFrame>> = [];
  #skip = false;
  #knows = false;
  #connections = new Set<FakeSocket>();
  #messages = new Map<FakeSocket, number>();
  #follower: { socket: FakeSocket; until: number; used: number } | undefined;
  #posting = false;

  constructor(
    private readonly clock: FakeClock,
    private readonly random: () => number,
    faultRates: FaultRates,
    /** True if Ctrl-C is a signal and not an ordinary key. */
    private readonly signals = true,
  ) {
    this.faultRates = faultRates;
  }

  /** The socket factory of the client. */
  readonly connect = (url: string, protocols: string[]): FakeSocket => {
    const socket = new FakeSocket(url, protocols);
    this.#messages.set(socket, 0);
    socket.onsend = (message) => this.#carry(() => this.#receive(message, socket), socket);
    socket.onclosed = () => this.#forget(socket);
    this.clock.after(DELAY_MS, () => socket.onopen?.());
    return socket;
  };

  /** Decompresses with a delay. */
  readonly inflate: Inflate = (packed, _, done) => {
    this.clock.after(this.random() * 50, () => done(packed));
  };

  /** The final screen. */
  get screen(): string {
    return this.#text(0, this.length).slice(-SCREEN_LENGTH);
  }

  print(count: number): void {
    this.length += count;
    this.#flush();
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.#messages.keys()) this.#break(socket);
  }

  /** Starts another shell and forgets the client. */
  restart(): void {
    this.epoch += 1;
    this.events.length = 0;
    [this.length, this.acked, this.#seq, this.#sent, this.#discardUntil] = [0, 0, 0, 0, 0];
    this.#early.clear();
    this.#acted.clear();
    this.#connections.clear();
    this.#follower = undefined;
    this.#snapshot = [];
    this.#gapSince = undefined;
  }

  /** The character at a position. */
  at(pos: number): string {
    return String.fromCharCode(48 + ((pos * 7 + (pos >> 5) * 11 + this.epoch) % 70));
  }

  #text(from: number, to: number): string {
    const events = new Set(this.events);
    let text = "";
    for (let pos = Math.max(from, to - SCREEN_LENGTH * 2); pos < to; pos += 1)
      if (!events.has(pos)) text += this.at(pos);
    return text;
  }

  #carry(deliver: () => void, socket: FakeSocket): void {
    const messages = (this.#messages.get(socket) ?? 0) + 1;
    if (this.#messages.has(socket)) this.#messages.set(socket, messages);
    if (messages > this.faultRates.cutAfter) return this.#break(socket);
    if (this.random() < this.faultRates.lose) return;
    const delay = () => (this.random() < this.faultRates.reorder ? this.random() * REORDER_MS : DELAY_MS);
    this.clock.after(delay(), deliver);
    if (this.random() < this.faultRates.repeat) this.clock.after(delay(), deliver);
  }

  #break(socket: FakeSocket): void {
    if (!this.#messages.delete(socket)) return;
    this.cuts += 1;
    this.clock.after(0, () => socket.end(1001));
    this.#forget(socket);
  }

  /** The service learns of a close later; messages in flight until then still count. */
  #forget(socket: FakeSocket): void {
    this.#messages.delete(socket);
    this.clock.after(DELAY_MS, () => {
      this.#connections.delete(socket);
      if (this.#follower?.socket === socket) this.#follower = undefined;
    });
  }

  #send(message: Partial<ServerFrame>, socket: FakeSocket): void {
    const frame = { epoch: this.epoch, ...message, head: this.length, ackSeq: this.#seq };
    const deliver = () => {
      if (!this.#messages.has(socket)) return;
      if (frame.type === "attached") this.known = Math.max(this.known, frame.epoch);
      socket.receive(frame);
    };
    this.#carry(deliver, socket);
  }

  #receive(message: ClientMessage, socket: FakeSocket): void {
    if (message.type === "ping") {
      this.#send({ type: "pong", t: message.t, timestamp: 1 }, socket);
    } else if (message.type === "attach") {
      if (!this.#messages.has(socket)) return;
      this.#attach(message, socket);
    } else if (!this.#connections.has(socket)) {
      this.#send({ type: "error", code: "NOT_ATTACHED", message: "attach first", retryable: false }, socket);
    } else if ("epoch" in message && message.epoch !== this.epoch) {
      if (message.type === "ack") return;
      this.#send({ type: "error", code: "STALE_EPOCH", message: "another shell", retryable: false }, socket);
    } else this.#accept(message, socket);
    if (!this.#connections.has(socket)) return;
    const now = this.clock.now();
    const live = this.#follower && now < this.#follower.until && now < this.#follower.used + GRANT_MS;
    if (message.type === "follow" || message.type === "attach" || !live) this.#grant(socket);
    this.#flush();
  }

  #grant(socket: FakeSocket): void {
    const now = this.clock.now();
    this.#follower = { socket, until: now + FOLLOW_MS, used: now };
  }

  #attach(message: Extract<ClientMessage, { type: "attach" }>, socket: FakeSocket): void {
    const resume = message.resume?.epoch === this.epoch ? message.resume.pos : 0;
    this.#connections.add(socket);
    this.#restartAt(resume);
    this.#knows = resume > 0;
    const state = { client: message.client, epoch: this.epoch, pos: resume, inputSeq: this.#seq };
    this.#send(attachedFrame(state), socket);
  }

  #restartAt(pos: number): void {
    this.#sent = pos;
    this.acked = Math.max(this.acked, pos);
    this.#progress = this.clock.now();
    this.#snapshot = [];
    this.#skip = pos < this.length && this.random() < this.faultRates.snapshot;
  }

  #accept(message: ClientMessage, socket: FakeSocket): void {
    if (message.type === "input" && message.ack !== undefined) this.#acknowledged(message.ack);
    if (message.type === "ack") this.#acknowledged(message.pos);
    else if (message.type === "follow") {
      if (message.repair && message.pos <= this.length) this.#restartAt(message.pos);
    } else if (message.type !== "echo" && "seq" in message) this.#ordered(message, socket);
  }

  #acknowledged(pos: number): void {
    if (pos > this.acked) this.#progress = this.clock.now();
    this.acked = Math.max(this.acked, Math.min(pos, this.length));
  }

  #ordered(message: Extract<ClientMessage, { seq: number }>, socket: FakeSocket): void {
    const { seq } = message;
    if (seq > this.#seq && !this.#early.has(seq)) {
      this.#early.set(seq, message);
      if (message.type === "interrupt" && this.signals) this.#interrupt(seq, message.afterSeq);
    }
    for (let next = this.#early.get(this.#seq + 1); next; next = this.#early.get(this.#seq + 1)) {
      this.#seq += 1;
      this.#early.delete(this.#seq);
      this.#apply(next, this.#seq);
    }
    const now = this.clock.now();
    if (this.#early.size === 0) this.#gapSince = undefined;
    else this.#gapSince ??= now;
    if (this.#gapSince !== undefined && now - this.#gapSince >= GAP_MS) {
      this.#gapSince = now;
      const gap = { code: "INPUT_GAP", message: "", retryable: true, have: this.#seq } as const;
      return this.#send({ type: "error", ...gap }, socket);
    }
    this.#send({ type: "input_ack" }, socket);
  }

  #interrupt(seq: number, afterSeq: number): void {
    this.#acted.add(seq);
    this.#discardUntil = Math.max(this.#discardUntil, afterSeq);
    this.applied.push({ epoch: this.epoch, what: "^C" });
    if (this.length - this.#sent > MIN_SKIP_BYTES) this.#skip = true;
  }

  #apply(message: ClientMessage, seq: number): void {
    const { epoch } = this;
    if (message.type === "input" && "data" in message && seq > this.#discardUntil) {
      this.applied.push({ epoch, what: message.data });
      this.length += message.data.length;
    } else if (message.type === "interrupt" && !this.#acted.delete(seq)) this.applied.push({ epoch, what: "^C" });
    if (this.random() < 0.1) {
      this.events.push(this.length);
      this.length += 1;
    }
  }

  #flush(): void {
    const now = this.clock.now();
    const follower = this.#follower;
    if (this.#posting || !follower || now >= follower.until) return;
    if (this.#sent > this.acked && now - this.#progress >= RESEND_MS) this.#restartAt(this.acked);
    if (this.#sent >= this.length && this.#snapshot.length === 0) {
      // It goes on waiting, and is alive.
      follower.used = now;
      return;
    }
    if (!this.#messages.has(follower.socket) || this.random() < this.faultRates.kill) {
      this.#follower = undefined;
      return;
    }
    follower.used = now;
    this.#posting = true;
    if (this.#sent === this.acked) this.#progress = now;
    this.#post(follower.socket);
    this.clock.after(POST_MS, () => {
      this.#posting = false;
      this.#flush();
    });
  }

  #post(socket: FakeSocket): void {
    if (this.#skip && this.#snapshot.length === 0) this.#takeSnapshot();
    this.#skip = false;
    const part = this.#snapshot.shift();
    if (part) {
      if (this.#snapshot.length === 0) this.#sent = (part as { pos: number }).pos;
      return this.#send(part, socket);
    }
    const pos = this.#sent;
    if (this.events.includes(pos)) {
      this.#sent += 1;
      return this.#send({ type: "event", pos, kind: "title", title: String(pos) } as ServerFrame, socket);
    }
    const stop = this.events.find((event) => event > pos) ?? this.length;
    const to = Math.min(stop, pos + 1 + Math.floor(this.random() * MAX_FRAME_BYTES));
    this.#sent = to;
    const text = Array.from({ length: to - pos }, (_, at) => this.at(pos + at)).join("");
    const payload = this.random() < this.faultRates.compress ? { z: btoa(text) } : { data: text };
    this.#send({ type: "output", pos, len: to - pos, ...payload } as ServerFrame, socket);
  }

  #takeSnapshot(): void {
    this.#snapshotId += 1;
    const data = `\x1bc${this.#text(0, this.length).slice(-SCREEN_LENGTH)}`;
    const parts = 1 + Math.floor(this.random() * 5);
    const cut = Math.ceil(data.length / parts);
    const missed = this.events.filter((pos) => pos >= this.acked);
    const events = missed.map((pos) => ({ pos, kind: "title", title: String(pos) }) as PositionedEvent);
    const common = {
      type: "snapshot",
      pos: this.length,
      id: this.#snapshotId,
      parts,
      skipped: this.length - this.#sent,
    };
    this.#snapshot = Array.from({ length: parts }, (_, at) => ({
      ...{ ...common, part: at + 1, scope: this.#knows ? "screen" : "full", cols: 80, rows: 24 },
      ...(at === parts - 1 && { events }),
      data: data.slice(at * cut, (at + 1) * cut),
    })) as Array<Partial<ServerFrame>>;
  }
}
