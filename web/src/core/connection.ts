/**
 * One transport: a WebSocket from opening to its end, with the attach that makes it usable and the heartbeat that proves it
 * alive. A client may have two for a moment, so nothing of the session is kept here.
 */

import { type GatewayFault, readFrame } from "../protocol/frame.ts";
import type { Attach, Attached, ClientMessage, ServerFrame } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Log } from "./log.ts";
import type { Address, Socket, SocketFactory } from "./socket.ts";

/** Opening takes this long at most. */
const OPEN_MS = 10_000;
/** An emulator that is still loading gets this long to say how large it is: a shell that starts too narrow redraws. */
const WINDOW_MS = 1000;
/** An attach without answer is repeated after this, doubling up to the longest. */
const ATTACH_MS = 1000;
const LONGEST_ATTACH_MS = 4000;
/** No answer to any attach in this time: the connection is of no use. A service that answered before is quicker. */
const ATTACH_DEADLINE_MS = 20_000;
const REATTACH_DEADLINE_MS = 5000;

/** Frames that are kept until the first attach is answered, at most; lost ones are asked for again. */
const EARLY_FRAMES = 64;

/** Why a connection ended. 1006 is also what a refused handshake looks like. */
export interface Closed {
  code: number;
  reason: string;
}

/** What a connection tells its client. */
export interface ConnectionPort {
  clock: Clock;
  log: Log;
  socket: SocketFactory;
  /** Whether anyone has said how large the window is. */
  windowKnown(): boolean;
  /** What to say first, now. */
  attachment(): Attach;
  attached(frame: { type: "attached" } & Attached & ServerFrame): void;
  frame(frame: ServerFrame): void;
  fault(fault: GatewayFault): void;
  latency(ms: number): void;
  /** Exactly once, and nothing after it. */
  closed(why: Closed): void;
}

/** One WebSocket. */
export class Connection {
  #socket: Socket | undefined;
  #attached = false;
  #waiting = false;
  #client = "";
  /** Frames that overtook the first answer to an attach. */
  #early: ServerFrame[] | undefined = [];
  readonly #deadline: Timer;
  readonly #repeat: Timer;
  readonly #heartbeat: Heartbeat;

  constructor(
    address: Address,
    private readonly port: ConnectionPort,
  ) {
    const { clock, log } = port;
    this.#deadline = new Timer(clock);
    this.#repeat = new Timer(clock);
    this.#heartbeat = new Heartbeat({
      clock,
      ping: (t) => this.send({ type: "ping", t }),
      latency: port.latency,
      dead: () => this.#end({ code: 1006, reason: "no sign of life" }),
    });
    const started = clock.now();
    const socket = port.socket(address.url, address.protocols);
    this.#socket = socket;
    this.#deadline.set(OPEN_MS, () => this.#end({ code: 1006, reason: "the connection did not open in time" }));
    socket.onopen = () => {
      log.info(`Connected in ${Math.round(clock.now() - started)}ms`);
      this.attach();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
  }

  /** Whether messages other than `attach` may be sent. */
  get attached(): boolean {
    return this.#attached;
  }

  /** Whether an attach is under way, and not the first. */
  get reattaching(): boolean {
    return !this.#attached && this.#early === undefined;
  }

  /** Attaches, or attaches again: repeated until the answer comes, since it is idempotent. */
  attach(): void {
    this.#attached = false;
    this.#deadline.set(this.reattaching ? REATTACH_DEADLINE_MS : ATTACH_DEADLINE_MS, () =>
      this.#end({ code: 1006, reason: "the service did not answer in time" }),
    );
    if (this.port.windowKnown()) return this.#sayAttach(ATTACH_MS);
    this.#waiting = true;
    this.#repeat.set(WINDOW_MS, () => this.#sayAttach(ATTACH_MS));
  }

  /** The window's size is known: an attach that waits for it need not. */
  windowKnown(): void {
    if (this.#waiting) this.#sayAttach(ATTACH_MS);
  }

  /** Sends, when it is still open; what is lost is repeated by whoever needs it. */
  send(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** Ends it from this side; `closed` is not called. */
  close(): void {
    this.#drop()?.close(1000);
  }

  #sayAttach(again: number): void {
    this.#waiting = false;
    const attachment = this.port.attachment();
    this.#client = attachment.client;
    this.send({ type: "attach", ...attachment });
    this.#repeat.set(again, () => this.#sayAttach(Math.min(again * 2, LONGEST_ATTACH_MS)));
  }

  #receive(data: unknown): void {
    const frame = readFrame(data);
    if (!frame) return this.port.log.warn("A frame could not be read and was skipped");
    this.#heartbeat.heard();
    if (frame.type === "gateway_fault") return this.port.fault(frame);
    if (frame.type === "pong") this.#heartbeat.pong(frame.t);
    if (frame.type !== "attached") return this.#pass(frame);
    // A repeated attach is answered twice, and the second answer says nothing new.
    if (this.#attached || frame.client !== this.#client) return;
    this.#attached = true;
    this.#deadline.clear();
    this.#repeat.clear();
    this.port.attached(frame);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const one of early) this.#pass(one);
    if (this.#socket) this.#heartbeat.start();
  }

  #pass(frame: ServerFrame): void {
    const waits = frame.type === "output" || frame.type === "event" || frame.type === "snapshot";
    if (!this.#early || !waits) return this.port.frame(frame);
    if (this.#early.length < EARLY_FRAMES) this.#early.push(frame);
  }

  /** Takes everything apart; the socket, when it was still there. */
  #drop(): Socket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#attached = false;
    this.#waiting = false;
    this.#deadline.clear();
    this.#repeat.clear();
    this.#heartbeat.stop();
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
    }
    return socket;
  }

  #end(why: Closed): void {
    const socket = this.#drop();
    if (!socket) return;
    socket.close();
    this.port.closed(why);
  }
}
