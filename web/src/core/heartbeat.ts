/**
 * Asks the service for a sign of life: keeps an idle connection from being closed, measures the way there and back, and notices
 * a connection that is dead although nobody said so.
 */

import { type Clock, Timer } from "./clock.ts";

/** API Gateway closes after 10 min of silence, other hosts after about one. */
const EVERY_MS = 30_000;
/** The first measurement comes while the page is still loading; the second is soon. */
const SECOND_MS = 5000;
/** No frame at all for this long after a ping: the connection is dead. */
const ANSWER_MS = 15_000;

/** What the heartbeat may do. */
export interface HeartbeatPort {
  clock: Clock;
  ping(t: number): void;
  /** There and back, in ms. */
  latency(ms: number): void;
  dead(): void;
}

/** One connection's heartbeat. */
export class Heartbeat {
  readonly #timer: Timer;
  #waiting = false;
  #next = SECOND_MS;

  constructor(private readonly port: HeartbeatPort) {
    this.#timer = new Timer(port.clock);
  }

  start(): void {
    this.#next = SECOND_MS;
    this.#ping();
  }

  stop(): void {
    this.#timer.clear();
  }

  /** Any frame is a sign of life. */
  heard(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#timer.set(this.#next, () => this.#ping());
    this.#next = EVERY_MS;
  }

  /** The answer to a ping; `t` is what was sent with it. */
  pong(t: unknown): void {
    if (typeof t !== "number") return;
    const ms = this.port.clock.now() - t;
    // Someone else's number would give nonsense.
    if (ms >= 0 && ms < EVERY_MS) this.port.latency(ms);
  }

  #ping(): void {
    this.#waiting = true;
    this.#timer.set(ANSWER_MS, () => this.port.dead());
    this.port.ping(this.port.clock.now());
  }
}
