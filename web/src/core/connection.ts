/**
 * One transport: from its token over a WebSocket and the attach that makes it usable to its end, with the heartbeat that proves
 * it alive. A client may have two for a moment, so nothing of the session is kept here.
 */

import { type GatewayFault, readFrame } from "../protocol/frame.ts";
import type { Attach, Attached, ClientMessage, ServerFrame } from "../protocol/generated.ts";
import type { Address } from "./address.ts";
import { type Clock, Timer } from "./clock.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Latency } from "./latency.ts";
import type { Log } from "./log.ts";
import { closed, type Loss, loss } from "./loss.ts";
import { OPEN, type Socket, type SocketFactory } from "./socket.ts";
import type { Times } from "./times.ts";
import { hasExpired, obtain, type TokenSource } from "./token.ts";

/** Fetching a token takes this long at most. */
const TOKEN_MS = 15_000;
/** An emulator that is still loading gets this long to say how large it is: a shell that starts too narrow redraws. */
const WINDOW_MS = 1000;
/** An attach without answer is repeated after this, doubling up to the longest. */
const ATTACH_MS = 1000;
const LONGEST_ATTACH_MS = 4000;
/** No answer to any later attach in this time: the connection is of no use. A service that answered before is quick. */
const REATTACH_DEADLINE_MS = 5000;

/** Frames that are kept until the first attach is answered, at most; lost ones are asked for again. */
const EARLY_FRAMES = 64;

/** Nothing came from the other side for too long. */
const DEAD = () => loss("CONNECTION_FAILED", "The connection gave no sign of life any more.", "at once");

/** An attach, and what was true when it was sent. */
export interface Attachment {
  message: Attach;
  /** Input that was acknowledged by then. */
  acknowledged: number;
}

/** An answer to an attach. */
export type AttachedFrame = { type: "attached" } & Attached & ServerFrame;

/** What a connection needs, and what it tells. */
export interface ConnectionPort {
  clock: Clock;
  times: Times;
  log: Log;
  socket: SocketFactory;
  token: TokenSource;
  /** Where a token leads. */
  address(token: string): Address;
  /** About to open it. */
  opening(address: Address): void;
  /** Whether anyone has said how large the window is. */
  windowKnown(): boolean;
  /** What to say first, now. */
  attachment(): Attachment;
  attached(frame: AttachedFrame, asked: Attachment): void;
  frame(frame: ServerFrame): void;
  fault(fault: GatewayFault): void;
  latency(latency: Latency): void;
  /** The shell answered for the first time, so many ms after it was opened. */
  worked(ms: number): void;
  /** Exactly once, and nothing after it; never from within the constructor. */
  closed(why: Loss): void;
}

/** One WebSocket. */
export class Connection {
  #socket: Socket | undefined;
  #over = false;
  #attached = false;
  /** Whether it ever was. */
  #worked = false;
  #waiting = false;
  #opened = false;
  /** When opening it began. */
  #began = 0;
  /** Its address, without query. */
  #shown = "";
  #asked: Attachment | undefined;
  /** Frames that overtook the first answer to an attach. */
  #early: ServerFrame[] = [];
  readonly #deadline: Timer;
  readonly #repeat: Timer;
  readonly #heartbeat: Heartbeat;

  constructor(private readonly port: ConnectionPort) {
    const { clock, times, token } = port;
    this.#deadline = new Timer(clock);
    this.#repeat = new Timer(clock);
    this.#heartbeat = new Heartbeat({
      ...{ clock, times },
      ping: (t) => this.send({ type: "ping", t }),
      latency: (latency) => port.latency(latency),
      dead: () => this.#end(DEAD()),
    });
    const missing = (why: string, cause?: unknown) =>
      this.#end(loss("TOKEN_UNAVAILABLE", `No token could be had: \`getToken\` ${why}.`, "wait", cause));
    this.#deadline.set(TOKEN_MS, () => missing(`did not answer within ${TOKEN_MS / 1000} s`));
    obtain(
      token,
      (got) => this.#open(got),
      (why) => missing("failed", why),
    );
  }

  /** Whether messages other than `attach` may be sent. */
  get attached(): boolean {
    return this.#attached;
  }

  /** Whether it ever was attached. */
  get worked(): boolean {
    return this.#worked;
  }

  /** Attaches, or attaches again: repeated until the answer comes, since it is idempotent. */
  attach(): void {
    if (!this.#socket) return;
    this.#attached = false;
    this.#asked = undefined;
    if (this.#worked) this.#deadline.set(REATTACH_DEADLINE_MS, () => this.#end(DEAD()));
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
    const socket = this.#socket;
    if (socket && (socket.readyState ?? OPEN) === OPEN) socket.send(JSON.stringify(message));
  }

  /** Something needs an answer from the service, any answer. */
  verify(): void {
    this.#heartbeat.verify();
  }

  /** Something happened that connections do not always survive: finds out, quickly. */
  doubt(): void {
    if (this.#heartbeat.silent) this.#end(DEAD());
    else this.#heartbeat.doubt();
  }

  /** Asks for no sign of life any more, until it is attached anew. */
  rest(): void {
    this.#heartbeat.stop();
  }

  /** Ends it from this side; `closed` is not called. */
  close(): void {
    this.#drop()?.close(1000);
  }

  #open(token: string): void {
    if (this.#over) return;
    const { clock, log, socket: factory, times } = this.port;
    // Not here and now: whoever makes a connection does not have it yet.
    const refused = (why: Loss) => this.#deadline.set(0, () => this.#end(why));
    if (!token) return refused(loss("UNAUTHORIZED", "No token was given.", "token"));
    this.#began = clock.now();
    this.#deadline.set(times.connectMs, () => this.#end(this.#late()));
    const address = this.port.address(token);
    this.#shown = address.shown;
    this.port.opening(address);
    let socket: Socket;
    try {
      socket = factory(address.url, address.protocols);
    } catch (error) {
      // What it says may hold the address, and with it the token.
      const kind = error instanceof Error ? error.name : "an error";
      const sentence = `The browser refused to make a WebSocket for ${address.shown} (${kind}): check the address, and the page's Content-Security-Policy.`;
      return refused(loss("WEBSOCKET_CREATION_FAILED", sentence, "nothing"));
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#opened = true;
      log.info(`Connected in ${Math.round(clock.now() - this.#began)}ms`);
      this.attach();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = ({ code, reason }) => {
      const been = { url: this.#shown, opened: this.#opened, worked: this.#worked };
      const fetched = typeof this.port.token !== "string";
      this.#end(closed(code, reason, { ...been, expired: hasExpired(token, clock.wall()), fetched }));
    };
  }

  #late(): Loss {
    const seconds = this.port.times.connectMs / 1000;
    const what = this.#opened ? "The service did not answer" : `${this.#shown} did not open`;
    return loss(
      "CONNECTION_TIMEOUT",
      `${what} within ${seconds} s: check the network and that the service runs.`,
      "wait",
    );
  }

  #sayAttach(again: number): void {
    this.#waiting = false;
    const { message, acknowledged } = this.port.attachment();
    // The answer may be one to an earlier attach: what was acknowledged then is what the service knew at least.
    this.#asked = { message, acknowledged: Math.min(acknowledged, this.#asked?.acknowledged ?? acknowledged) };
    this.send({ type: "attach", ...message });
    this.#repeat.set(again, () => this.#sayAttach(Math.min(again * 2, LONGEST_ATTACH_MS)));
  }

  #receive(data: unknown): void {
    const frame = readFrame(data);
    if (!frame) return this.port.log.warn("A frame could not be read and was skipped");
    this.#heartbeat.heard();
    if (frame.type === "gateway_fault") return this.port.fault(frame);
    if (frame.type === "pong") this.#heartbeat.pong(frame);
    if (frame.type !== "attached") return this.#pass(frame);
    // A repeated attach is answered twice, and the second answer says nothing new.
    if (this.#attached || !this.#asked || frame.client !== this.#asked.message.client) return;
    // An answer from before the shell that is known already.
    if (frame.epoch < (this.#asked.message.resume?.epoch ?? 0)) return;
    this.#attached = true;
    if (!this.#worked) this.port.worked(this.port.clock.now() - this.#began);
    this.#worked = true;
    this.#deadline.clear();
    this.#repeat.clear();
    this.port.attached(frame, this.#asked);
    for (const early of this.#early.splice(0)) this.#pass(early);
    if (this.#socket && this.#attached) this.#heartbeat.start();
  }

  #pass(frame: ServerFrame): void {
    const waits = frame.type === "output" || frame.type === "event" || frame.type === "snapshot";
    if (this.#worked || !waits) return this.port.frame(frame);
    if (this.#early.length < EARLY_FRAMES) this.#early.push(frame);
  }

  /** Takes everything apart; the socket, when it was still there. */
  #drop(): Socket | undefined {
    const socket = this.#socket;
    this.#over = true;
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

  #end(why: Loss): void {
    if (this.#over) return;
    this.#drop()?.close();
    this.port.closed(why);
  }
}
