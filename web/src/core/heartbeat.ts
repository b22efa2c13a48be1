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
  /** True while a run of this connection may carry frames, and an answer may wait for its end. */
  mayCarry(): boolean;
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
    return this.port.clock.wall() - this.#receivedAtWall > 2 * this.port.times.pingMs + this.#pongMs;
  }

  start(): void {
    this.#running = true;
    this.#nextDelay = Math.min(SECOND_PING_MS, this.port.times.pingMs);
    this.#ping();
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
    const { pingMs } = this.port.times;
    const second = this.#nextDelay < pingMs;
    this.#timer.set(this.#nextDelay, () => (second ? this.#ping() : this.#pingIfDue()));
    this.#nextDelay = pingMs;
  }

  /** Pings now, unless an answer is pending or a frame has just arrived. */
  verify(): void {
    const fresh = this.port.clock.now() - this.#receivedAt < FRESH_MS;
    if (this.#running && !this.#awaitingAnswer && !fresh) this.#ping();
  }

  /** Pings now with a short timeout, if an answer cannot be late for another reason. */
  probe(): void {
    if (this.#running) this.#ping(this.port.mayCarry() ? this.#pongMs : Math.min(PROBE_TIMEOUT_MS, this.#pongMs));
  }

  /** Measures the round trip from an answer, whose `t` is that of the ping. */
  pong(pong: Pong): void {
    if (typeof pong.t !== "number") return;
    const ms = this.port.clock.now() - pong.t;
    // `t` of another client would give nonsense.
    if (ms >= 0 && ms < this.port.times.pingMs) this.port.latency(splitByHop(ms, pong));
  }

  /**
   * Pings if nothing was received for `pingMs`, or nothing measured for MEASURE_INTERVAL_MS; sooner while keys may wait,
   * because an answer can name another kind of dispatch.
   */
  #pingIfDue(): void {
    const { pingMs } = this.port.times;
    const measureMs = this.port.mayCarry() ? pingMs : Math.max(pingMs, MEASURE_INTERVAL_MS);
    const due = Math.min(this.#receivedAt + pingMs, this.#pingedAt + measureMs);
    const left = due - this.port.clock.now();
    if (left > 0) this.#timer.set(left, () => this.#pingIfDue());
    else this.#ping();
  }

  get #pongMs(): number {
    const { pongMs, carryingPongMs } = this.port.times;
    return this.port.mayCarry() ? carryingPongMs : pongMs;
  }

  #ping(timeoutMs = this.#pongMs): void {
    this.#pingedAt = this.port.clock.now();
    if (this.silent) return this.port.dead();
    this.#awaitingAnswer = true;
    this.#timer.set(timeoutMs, () => this.port.dead());
    this.port.ping(this.port.clock.now());
  }
}
