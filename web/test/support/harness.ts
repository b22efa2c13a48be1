/**
 * A client with a fake socket, a fake clock and a recording emulator, and the test fixture of an attached one.
 */

import { test as base } from "vitest";
import {
  type ClientOptions,
  type Log,
  TerminalClient,
  type TerminalError,
  type TerminalMessage,
  type TerminalNotice,
} from "../../src/core/index.ts";
import type { Attached, ClientMessage, ErrorCode, ServerFrame } from "../../src/protocol/generated.ts";
import { FakeClock } from "./clock.ts";
import { FakePage } from "./page.ts";
import { RecordingSink } from "./recording-sink.ts";
import { FakeSocket } from "./socket.ts";

export const EPOCH = 1000;

/** The service's answer to an attach. */
export function attachedFrame(fields: Partial<Attached & ServerFrame>): ServerFrame {
  return {
    ...{ type: "attached", sessionId: "s1", client: "c1", epoch: EPOCH, pos: 0, inputSeq: 0, cols: 80, rows: 24 },
    ...{ role: "controller", tty: { echo: true, canonical: true }, followMs: 20_000, dispatch: "concurrent" },
    limits: { frameBytes: 32768, inputWindowBytes: 65536, ackStepBytes: 65536 },
    ...fields,
  } as ServerFrame;
}

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
      ...{ url: "wss://api.example/prod", sessionId: "s1", token: "secret", size: { cols: 80, rows: 24 } },
      ...{ clock: this.clock, page: this.page, inflate: null, log, random: () => 0.5, clientId: () => "c1" },
      socket: (url, protocols) => {
        const socket = new FakeSocket(url, protocols);
        this.sockets.push(socket);
        return socket;
      },
      ...options,
    });
    this.client.onError((error) => this.errors.push(error));
    this.client.onMessage((message) => this.messages.push(message));
    this.client.onNotice((notice) => this.notices.push(notice));
  }

  /** The socket in use. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  /** The tokens of all connections. */
  get tokens(): Array<string | null> {
    return this.sockets.map((socket) => new URL(socket.url).searchParams.get("token"));
  }

  get errorCodes(): string[] {
    return this.errors.map((error) => error.code);
  }

  /** The acknowledged positions. */
  get acks(): number[] {
    return this.socket.of("ack").map((ack) => ack.pos);
  }

  get repairs(): ClientMessage[] {
    return this.socket.of("follow").filter((follow) => follow.repair);
  }

  /** Connects; the socket stays unopened. */
  start(): this {
    this.client.connect();
    this.clock.advance(0);
    return this;
  }

  /** Connects and opens the socket. */
  open(): this {
    this.start();
    this.socket.onopen?.();
    return this;
  }

  /** Waits for the next connection and opens its socket. */
  reopen(): void {
    const before = this.sockets.length;
    for (let waited = 0; this.sockets.length === before && waited < 40_000; waited += 10) this.clock.advance(10);
    if (this.sockets.length === before) throw new Error("no other socket was opened");
    this.socket.onopen?.();
  }

  /** Opens the socket and answers the attach. */
  answer(fields: Partial<Attached & ServerFrame> = {}): void {
    this.socket.onopen?.();
    this.attached(fields);
  }

  /** Waits for the next connection, opens its socket and answers the attach. */
  reattach(fields: Partial<Attached & ServerFrame> = {}): void {
    this.reopen();
    this.attached(fields);
  }

  /** Loses the connection and attaches on the next. */
  reconnect(fields: Partial<Attached & ServerFrame> = {}): void {
    this.socket.end();
    this.reattach(fields);
  }

  /** Shows output in the emulator, connects and attaches. */
  attach(fields: Partial<Attached & ServerFrame> = {}): this {
    this.client.attach(this.sink);
    this.open();
    this.attached(fields);
    return this;
  }

  /** The service answers an attach. */
  attached(fields: Partial<Attached & ServerFrame> = {}): void {
    this.socket.receive(attachedFrame({ head: fields.pos ?? 0, ...fields }));
  }

  /** The service rejects a message. */
  error(code: ErrorCode): void {
    this.socket.receive({ type: "error", code, message: "rejected", retryable: false });
  }

  pong(): void {
    this.socket.receive({ type: "pong", timestamp: 1 });
  }

  output(pos: number, data: string, fields: Partial<ServerFrame> = {}): void {
    const { length } = data;
    this.socket.receive({ type: "output", epoch: EPOCH, pos, len: length, data, head: pos + length, ...fields });
  }

  event(pos: number, event: Record<string, unknown>, fields: Partial<ServerFrame> = {}): void {
    this.socket.receive({ type: "event", epoch: EPOCH, pos, head: pos + 1, ...event, ...fields });
  }

  /** The service acknowledges input. */
  ack(seq: number): void {
    this.socket.receive({ type: "input_ack", epoch: EPOCH, ackSeq: seq });
  }
}

/** `harness` is attached. */
export const test = base.extend<{ harness: Harness }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest requires a destructured argument
  harness: async ({}, use) => use(new Harness().attach()),
});
