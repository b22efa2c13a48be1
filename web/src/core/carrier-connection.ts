/**
 * One connection of a carrier: token, WebSocket, and one `carry` after the other. A carrier has two for a moment, when
 * it replaces one by age.
 */

import { readFrame } from "../protocol/frame.ts";
import type { Carry, ErrorCode } from "../protocol/generated.ts";
import type { Address } from "./address.ts";
import { type Clock, Timer } from "./clock.ts";
import { OPEN, type Socket, type SocketFactory } from "./socket.ts";
import { obtainToken, type TokenSource } from "./token.ts";

/** A carry waits behind the run that carries, which takes up to 25 s and then needs time to post. */
const ANSWER_TIMEOUT_MS = 40_000;
/** A connection without an answer for this long has not survived, for example because the machine slept. */
const SILENT_MS = 60_000;

export interface CarrierConnectionPort {
  clock: Clock;
  socket: SocketFactory;
  token: TokenSource;
  address(token: string): Address;
  /** Time to obtain the token and to open the socket. */
  connectMs: number;
  /** Fields of the next `carry`; `undefined` sends none. */
  next(): Carry | undefined;
  /** Delay of the next `carry` after one that was refused for now. */
  retryDelay(): number;
  /** The `count`th carry was answered. */
  carried(connection: CarrierConnection, count: number): void;
  /** The connection ended; the last call, and never from within the constructor. */
  closed(connection: CarrierConnection, why: string, code?: ErrorCode): void;
}

export class CarrierConnection {
  #socket: Socket | undefined;
  #isOpen = false;
  #closed = false;
  /** True from sending a `carry` until its answer. */
  #unanswered = false;
  /** Number of answers. */
  #count = 0;
  /** Epoch of the last `carry`. */
  #epoch: number | undefined;
  /** Time of the last answer, by the wall clock, which advances while the machine sleeps. */
  #answeredAtWall: number;
  /** Ends the connection if it does not open or answer. */
  readonly #deadline: Timer;
  /** The next `carry`. */
  readonly #next: Timer;

  constructor(private readonly port: CarrierConnectionPort) {
    const { clock, token, connectMs } = port;
    this.#deadline = new Timer(clock);
    this.#next = new Timer(clock);
    this.#answeredAtWall = clock.wall();
    this.#deadline.set(connectMs, () => this.#end(`it did not open within ${connectMs / 1000} s`));
    obtainToken(
      token,
      (obtained) => this.#open(obtained),
      () => this.#end("no token is available"),
    );
  }

  /** Epoch of the last `carry`. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** True if nothing was answered for SILENT_MS, by the wall clock. */
  get silent(): boolean {
    return this.port.clock.wall() - this.#answeredAtWall > SILENT_MS;
  }

  /** Sends `carry` now, unless one is unanswered. */
  carry(): void {
    const socket = this.#socket;
    if (!this.#isOpen || this.#unanswered || !socket || (socket.readyState ?? OPEN) !== OPEN) return;
    this.#next.clear();
    const fields = this.port.next();
    if (!fields) return;
    this.#epoch = fields.epoch;
    this.#unanswered = true;
    this.#deadline.set(ANSWER_TIMEOUT_MS, () => this.#end(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`));
    socket.send(JSON.stringify({ type: "carry", ...fields }));
  }

  /** Closes it from this side, without a call of `closed`. */
  close(): void {
    this.#dispose()?.close(1000);
  }

  #open(token: string): void {
    if (this.#closed) return;
    const { socket: factory, address } = this.port;
    const { url, protocols } = address(token);
    let socket: Socket;
    try {
      socket = factory(url, protocols);
    } catch {
      // Later, because the caller of the constructor does not have the connection yet.
      return this.#deadline.set(0, () => this.#end("the browser refused to create it"));
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#isOpen = true;
      this.#deadline.clear();
      this.carry();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = ({ code }) => this.#end(`code ${code}`);
  }

  #receive(data: unknown): void {
    const frame = readFrame(data);
    if (frame?.type === "carried") this.#answered(frame.carryMs);
    else if (frame?.type === "gateway_fault") this.#end(frame.message);
    else if (frame?.type !== "error") return;
    else if (frame.retryable) this.#wait(this.port.retryDelay());
    else this.#end(frame.code, frame.code);
  }

  #answered(carryMs: number): void {
    this.#answeredAtWall = this.port.clock.wall();
    this.#count += 1;
    this.#wait(carryMs);
    this.port.carried(this, this.#count);
  }

  #wait(ms: number): void {
    this.#unanswered = false;
    this.#deadline.clear();
    this.#next.set(ms, () => this.carry());
  }

  /** Releases everything; returns the socket if there still was one. */
  #dispose(): Socket | undefined {
    const socket = this.#socket;
    this.#closed = true;
    this.#socket = undefined;
    this.#isOpen = false;
    this.#deadline.clear();
    this.#next.clear();
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
    }
    return socket;
  }

  #end(why: string, code?: ErrorCode): void {
    if (this.#closed) return;
    this.#dispose()?.close();
    this.port.closed(this, why, code);
  }
}
