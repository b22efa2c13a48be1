/**
 * Pings the service: keeps an idle connection open, measures the round trip, and detects a dead connection, also after
 * the machine slept.
 */

import type { Pong } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { type Latency, splitByHop } from "./latency.ts";
import type { Times } from "./times.ts";

/** Delay of the second ping: the first measures a page that is still loading. */
const SECOND_PING_MS = 5000;
/** While frames arrive, only the round trip needs a ping, and each costs two messages. */
const MEASURE_INTERVAL_MS = 120_000;
/** A frame this recent proves that the service may send: no ping is needed to verify it. */
const FRESH_MS = 5000;
/** Time to answer a probe of a doubtful connection; long enough for a cold start of the function. */
const PROBE_TIMEOUT_MS = 5000;

export interface HeartbeatPort {
  clock: Clock;
  times: Times;
  ping(t: number): void;
  latency(latency: Latency): void;
  dead(): void;
}

export class Heartbeat {
  readonly #timer: Timer;
  #running = false;
  #awaitingAnswer = false;
  /** Delay from the next frame to the ping after it. */
  #nextDelay = 0;
  #pingedAt = 0;
  #receivedAt = 0;
  /** The same by the wall clock, which advances while the machine sleeps. */
  #receivedAtWall: number;

  constructor(private readonly port: HeartbeatPort) {
    this.#timer = new Timer(port.clock);
    this.#receivedAtWall = port.clock.wall();
  }

  /** True if nothing was received for more than two ping intervals, by the wall clock. */
  get silent(): boolean {
    const { pingMs, pongMs } = this.port.times;
    return this.port.clock.wall() - this.#receivedAtWall > 2 * pingMs + pongMs;
  }

  start(): void {
    this.#running = true;
    this.#nextDelay = Math.min(SECOND_PING_MS, this.port.times.pingMs);
    this.#ping(this.port.times.pongMs);
  }

  stop(): void {
    this.#running = false;
    this.#awaitingAnswer = false;
    this.#timer.clear();
  }

  /** Records a received frame; any frame is a sign of life. */
  received(): void {
    this.#receivedAtWall = this.port.clock.wall();
    this.#receivedAt = this.port.clock.now();
    if (!this.#awaitingAnswer) return;
    this.#awaitingAnswer = false;
    const { pingMs, pongMs } = this.port.times;
    const second = this.#nextDelay < pingMs;
    this.#timer.set(this.#nextDelay, () => (second ? this.#ping(pongMs) : this.#pingIfDue()));
    this.#nextDelay = pingMs;
  }

  /** Pings now, unless an answer is pending or a frame has just arrived. */
  verify(): void {
    const fresh = this.port.clock.now() - this.#receivedAt < FRESH_MS;
    if (this.#running && !this.#awaitingAnswer && !fresh) this.#ping(this.port.times.pongMs);
  }

  /** Pings now with a short timeout. */
  probe(): void {
    if (this.#running) this.#ping(Math.min(PROBE_TIMEOUT_MS, this.port.times.pongMs));
  }

  /** Measures the round trip from an answer, whose `t` is that of the ping. */
  pong(pong: Pong): void {
    if (typeof pong.t !== "number") return;
    const ms = this.port.clock.now() - pong.t;
    // `t` of another client would give nonsense.
    if (ms >= 0 && ms < this.port.times.pingMs) this.port.latency(splitByHop(ms, pong));
  }

  /** Pings if nothing was received for `pingMs`, or nothing measured for MEASURE_INTERVAL_MS. */
  #pingIfDue(): void {
    const { pingMs, pongMs } = this.port.times;
    const due = Math.min(this.#receivedAt + pingMs, this.#pingedAt + Math.max(pingMs, MEASURE_INTERVAL_MS));
    const left = due - this.port.clock.now();
    if (left > 0) this.#timer.set(left, () => this.#pingIfDue());
    else this.#ping(pongMs);
  }

  #ping(timeoutMs: number): void {
    this.#pingedAt = this.port.clock.now();
    if (this.silent) return this.port.dead();
    this.#awaitingAnswer = true;
    this.#timer.set(timeoutMs, () => this.port.dead());
    this.port.ping(this.port.clock.now());
  }
}
