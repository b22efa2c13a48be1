/**
 * A client on the workbench: fake socket, fake clock, recording emulator.
 */

import {
  type ClientOptions,
  type Log,
  TerminalClient,
  type TerminalError,
  type TerminalMessage,
  type TerminalNotice,
} from "../../src/core/index.ts";
import type { Attached, ServerFrame } from "../../src/protocol/generated.ts";
import { FakeClock } from "./clock.ts";
import { FakePage } from "./page.ts";
import { RecordingSink } from "./recording-sink.ts";
import { FakeSocket } from "./socket.ts";

export const EPOCH = 1000;

/** Everything that a test looks at. */
export class Harness {
  readonly clock = new FakeClock();
  readonly page = new FakePage();
  readonly sockets: FakeSocket[] = [];
  readonly sink = new RecordingSink();
  readonly lines: string[] = [];
  readonly errors: TerminalError[] = [];
  readonly messages: TerminalMessage[] = [];
  readonly notices: TerminalNotice[] = [];
  readonly client: TerminalClient;

  constructor(options: Partial<ClientOptions> = {}) {
    const line = (text: string) => void this.lines.push(text);
    const log: Log = { error: line, warn: line, info: line, debug: line };
    this.client = new TerminalClient({
      url: "wss://api.example/prod",
      sessionId: "s1",
      token: "secret",
      size: { cols: 80, rows: 24 },
      clock: this.clock,
      page: this.page,
      inflate: null,
      log,
      random: () => 0.5,
      clientId: () => "c1",
      socket: (url, protocols) => {
        const socket = new FakeSocket(url, protocols);
        this.sockets.push(socket);
        return socket;
      },
      ...options,
    });
    this.client.onError((error) => void this.errors.push(error));
    this.client.onMessage((message) => void this.messages.push(message));
    this.client.onNotice((notice) => void this.notices.push(notice));
  }

  /** The socket in use. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  /** Connects up to the open socket. */
  open(): this {
    this.client.connect();
    this.clock.advance(0);
    this.socket.onopen?.();
    return this;
  }

  /** Waits for the next connection and opens it. */
  reopen(): void {
    const before = this.sockets.length;
    for (let waited = 0; this.sockets.length === before && waited < 40_000; waited += 10) this.clock.advance(10);
    if (this.sockets.length === before) throw new Error("no other socket was opened");
    this.socket.onopen?.();
  }

  /** Connects and attaches. */
  attach(fields: Partial<Attached & ServerFrame> = {}): this {
    this.client.attach(this.sink);
    this.open();
    this.attached(fields);
    return this;
  }

  /** The service answers an attach. */
  attached(fields: Partial<Attached & ServerFrame> = {}): void {
    this.socket.receive({
      type: "attached",
      ...{ sessionId: "s1", client: "c1", epoch: EPOCH, pos: 0, inputSeq: 0, cols: 80, rows: 24, role: "controller" },
      tty: { echo: true, canonical: true },
      followMs: 20_000,
      limits: { frameBytes: 32768, inputWindowBytes: 65536, ackStepBytes: 65536 },
      head: fields.pos ?? 0,
      ...fields,
    });
  }

  /** A sign of life. */
  pong(): void {
    this.socket.receive({ type: "pong", timestamp: 1 });
  }

  output(pos: number, data: string, fields: Partial<ServerFrame> = {}): void {
    this.socket.receive({
      type: "output",
      epoch: EPOCH,
      pos,
      len: data.length,
      data,
      head: pos + data.length,
      ...fields,
    });
  }

  event(pos: number, event: Record<string, unknown>, fields: Partial<ServerFrame> = {}): void {
    this.socket.receive({ type: "event", epoch: EPOCH, pos, head: pos + 1, ...event, ...fields });
  }

  /** The service acknowledges input. */
  ack(seq: number): void {
    this.socket.receive({ type: "input_ack", epoch: EPOCH, ackSeq: seq });
  }
}
