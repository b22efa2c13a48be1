/**
 * Asks the service for a sign of life: keeps an idle connection from being closed, measures the way there and back, and notices
 * a connection that is dead although nobody said so, also after the machine slept.
 */

import type { Pong } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { byHop, type Latency } from "./latency.ts";
import type { Times } from "./times.ts";

/** The first measurement comes while the page is still loading; the second is soon. */
const SECOND_MS = 5000;
/** While frames come the connection lives, and the way there and back is measured this seldom: every ping costs two messages. */
const MEASURED_MS = 120_000;
/** What was heard so lately came under the present permission to send: nobody has to be asked for an answer, which costs two messages. */
const FRESH_MS = 5000;
/** Where there is a reason to doubt, the answer must come sooner; but a function may have to start first. */
const DOUBT_MS = 5000;

/** What the heartbeat may do. */
export interface HeartbeatPort {
  clock: Clock;
  times: Times;
  ping(t: number): void;
  /** There and back. */
  latency(latency: Latency): void;
  dead(): void;
}

/** One connection's heartbeat. */
export class Heartbeat {
  readonly #timer: Timer;
  #running = false;
  #waiting = false;
  #next = 0;
  #pinged = 0;
  #heard = 0;
  /** By the clock that does not sleep. */
  #heardAt: number;

  constructor(private readonly port: HeartbeatPort) {
    this.#timer = new Timer(port.clock);
    this.#heardAt = port.clock.wall();
  }

  /** Whether nothing was heard for more than two pings, by the clock that does not sleep. */
  get silent(): boolean {
    const { pingMs, pongMs } = this.port.times;
    return this.port.clock.wall() - this.#heardAt > 2 * pingMs + pongMs;
  }

  start(): void {
    this.#running = true;
    this.#next = Math.min(SECOND_MS, this.port.times.pingMs);
    this.#ping(this.port.times.pongMs);
  }

  stop(): void {
    this.#running = false;
    this.#waiting = false;
    this.#timer.clear();
  }

  /** Any frame is a sign of life. */
  heard(): void {
    this.#heardAt = this.port.clock.wall();
    this.#heard = this.port.clock.now();
    if (!this.#waiting) return;
    this.#waiting = false;
    const { pingMs, pongMs } = this.port.times;
    const soon = this.#next < pingMs;
    this.#timer.set(this.#next, () => (soon ? this.#ping(pongMs) : this.#beat()));
    this.#next = pingMs;
  }

  /** Pings now, unless an answer is awaited already or something has just come. */
  verify(): void {
    const fresh = this.port.clock.now() - this.#heard < FRESH_MS;
    if (this.#running && !this.#waiting && !fresh) this.#ping(this.port.times.pongMs);
  }

  /** Something happened that connections do not always survive. */
  doubt(): void {
    if (this.#running) this.#ping(Math.min(DOUBT_MS, this.port.times.pongMs));
  }

  /** The answer to a ping; its `t` is what was sent with it. */
  pong(pong: Pong): void {
    if (typeof pong.t !== "number") return;
    const ms = this.port.clock.now() - pong.t;
    // Someone else's number would give nonsense.
    if (ms >= 0 && ms < this.port.times.pingMs) this.port.latency(byHop(ms, pong));
  }

  /** Pings when nothing was heard for a while, or nothing measured for a longer one. */
  #beat(): void {
    const { pingMs, pongMs } = this.port.times;
    const due = Math.min(this.#heard + pingMs, this.#pinged + Math.max(pingMs, MEASURED_MS));
    const left = due - this.port.clock.now();
    if (left > 0) this.#timer.set(left, () => this.#beat());
    else this.#ping(pongMs);
  }

  #ping(patience: number): void {
    this.#pinged = this.port.clock.now();
    if (this.silent) return this.port.dead();
    this.#waiting = true;
    this.#timer.set(patience, () => this.port.dead());
    this.port.ping(this.port.clock.now());
  }
}
