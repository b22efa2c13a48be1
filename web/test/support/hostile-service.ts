/**
 * A small model of the service behind a transport that loses, repeats, delays and cuts. It keeps the rules of the protocol and
 * remembers what it was told, so that a test can compare.
 */

import type { ClientMessage, ServerFrame } from "../../src/protocol/generated.ts";
import { EPOCH } from "./bench.ts";
import type { FakeClock } from "./clock.ts";
import { FakeSocket } from "./socket.ts";

/** How bad the way is; shares from 0 to 1. */
export interface Weather {
  lose: number;
  repeat: number;
  reorder: number;
  /** The connection breaks after so many messages. */
  cutAfter: number;
}

const DELAY_MS = 20;
const REORDER_MS = 400;
/** Longest frame, in bytes, and the time that posting one takes: the service has one post on its way at a time. */
const FRAME = 3000;
const POST_MS = 5;

/** One session with one client. */
export class HostileService {
  /** What the shell was given. */
  typed = "";
  /** What the shell printed: one character a position, `#` for an event. */
  stream = "";
  /** How far the client says it has parsed. */
  acked = 0;
  cuts = 0;
  #seq = 0;
  #early = new Map<number, string>();
  #cursor = 0;
  #following = false;
  #posting = false;
  #messages = 0;
  #socket: FakeSocket | undefined;

  constructor(
    private readonly clock: FakeClock,
    private readonly random: () => number,
    private readonly weather: Weather,
  ) {}

  /** The factory for the client. */
  readonly connect = (url: string, protocols: string[]): FakeSocket => {
    const socket = new FakeSocket(url, protocols);
    this.#socket = socket;
    this.#messages = 0;
    socket.onsend = (message) => this.#carry(() => this.#receive(message, socket), socket);
    this.clock.after(DELAY_MS, () => socket.onopen?.());
    return socket;
  };

  /** The shell prints. */
  print(text: string): void {
    this.stream += text;
    this.#flush();
  }

  #carry(deliver: () => void, socket: FakeSocket): void {
    this.#messages += 1;
    if (this.#messages > this.weather.cutAfter && socket === this.#socket) {
      this.cuts += 1;
      this.#socket = undefined;
      this.#following = false;
      this.clock.after(0, () => socket.end(1001));
      return;
    }
    if (this.random() < this.weather.lose) return;
    const delay = () => (this.random() < this.weather.reorder ? this.random() * REORDER_MS : DELAY_MS);
    this.clock.after(delay(), deliver);
    if (this.random() < this.weather.repeat) this.clock.after(delay(), deliver);
  }

  #send(message: Partial<ServerFrame> & { type: string }): void {
    const socket = this.#socket;
    if (!socket) return;
    const frame = { ...message, head: this.stream.length, ackSeq: this.#seq };
    this.#carry(() => socket.receive(frame), socket);
  }

  #receive(message: ClientMessage, socket: FakeSocket): void {
    // What a cut connection had on its way still arrives; only its answers do not.
    if (message.type === "attach" && socket === this.#socket) {
      this.#cursor = message.resume?.pos ?? 0;
      this.#following = true;
      this.#send({
        type: "attached",
        ...{ sessionId: "s1", client: message.client, epoch: EPOCH, pos: this.#cursor, inputSeq: this.#seq },
        ...{ cols: 80, rows: 24, role: "controller", tty: { echo: true, canonical: true }, followMs: 20_000 },
        limits: { frameBytes: 32768, inputWindowBytes: 65536, ackStepBytes: 65536 },
      } as ServerFrame);
    } else if (message.type === "input" && "data" in message) this.#input(message.seq, message.data);
    else if (message.type === "ack") this.acked = Math.max(this.acked, message.pos);
    else if (message.type === "follow" && message.repair) this.#cursor = message.pos;
    else if (message.type === "ping") this.#send({ type: "pong", t: message.t, timestamp: 1 } as ServerFrame);
    this.#flush();
  }

  #input(seq: number, data: string): void {
    if (seq > this.#seq) this.#early.set(seq, data);
    for (let next = this.#early.get(this.#seq + 1); next !== undefined; next = this.#early.get(this.#seq + 1)) {
      this.#seq += 1;
      this.#early.delete(this.#seq);
      this.typed += next;
      // Echo, and now and then an event.
      this.stream += next;
      if (this.random() < 0.1) this.stream += "#";
    }
    this.#send({ type: "input_ack", epoch: EPOCH } as ServerFrame);
  }

  #flush(): void {
    if (this.#posting || !this.#following || this.#cursor >= this.stream.length) return;
    this.#posting = true;
    this.#post();
    this.clock.after(POST_MS, () => {
      this.#posting = false;
      this.#flush();
    });
  }

  #post(): void {
    const pos = this.#cursor;
    if (this.stream[pos] === "#") {
      this.#cursor += 1;
      return this.#send({ type: "event", epoch: EPOCH, pos, kind: "title", title: String(pos) } as ServerFrame);
    }
    const stop = this.stream.indexOf("#", pos);
    const to = Math.min(stop < 0 ? this.stream.length : stop, pos + 1 + Math.floor(this.random() * FRAME));
    this.#cursor = to;
    this.#send({ type: "output", epoch: EPOCH, pos, len: to - pos, data: this.stream.slice(pos, to) } as ServerFrame);
  }
}
