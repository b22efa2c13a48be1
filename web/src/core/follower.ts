/**
 * Keeps frames coming: renews the service's permission to send, and asks again for what was lost on the way.
 */

import { type Clock, Timer } from "./clock.ts";

/** A gap that lasts this long will not close by itself. */
const GAP_MS = 300;
/** An end of the stream that is not reached in this time was lost. */
const TAIL_MS = 2000;
/** A repair that brought nothing is repeated after this, doubling up to the longest. */
const REPEAT_MS = 1000;
const LONGEST_REPEAT_MS = 8000;
/**
 * This long after a renewal the permission before it has run out, and a user who types has seen an echo since: whoever speaks now gets a
 * new one if the renewal was lost.
 */
const VERIFY_MS = 10_000;

/** What the follower looks at, and what it may do. */
export interface FollowPort {
  clock: Clock;
  /** Everything before it was received. */
  pos(): number;
  /** The furthest that the stream is known to reach. */
  head(): number;
  /** Something arrived whose predecessor did not. */
  gap(): boolean;
  /** Another number with everything that was of use. */
  progress(): number;
  /** Whether what was received is still being worked on: then the service may hold back on purpose, and nothing is lost. */
  busy(): boolean;
  send(repair: boolean): void;
  /** Says something to the service that needs an answer. */
  verify(): void;
}

/** One attachment's following. */
export class Follower {
  readonly #renewal: Timer;
  readonly #repair: Timer;
  readonly #verify: Timer;
  #followMs = 0;
  #seen = 0;
  #repeatMs = REPEAT_MS;
  #waitsFor: "gap" | "tail" | "answer" | undefined;

  constructor(private readonly port: FollowPort) {
    this.#renewal = new Timer(port.clock);
    this.#repair = new Timer(port.clock);
    this.#verify = new Timer(port.clock);
  }

  /** Attached, which is a permission in itself. */
  start(followMs: number): void {
    this.stop();
    this.#followMs = followMs;
    this.#seen = this.port.progress();
    this.#renewLater();
    this.observe();
  }

  stop(): void {
    this.#followMs = 0;
    this.#renewal.clear();
    this.#verify.clear();
    this.#quiet();
  }

  /** Something arrived: is anything missing? */
  observe(): void {
    if (this.#followMs === 0) return;
    const progress = this.port.progress();
    const moved = progress !== this.#seen;
    this.#seen = progress;
    if (!this.#missing()) return this.#quiet();
    const kind = this.port.gap() ? "gap" : "tail";
    // A clock that already runs for this place goes on; the wait begins anew with every advance.
    if (!moved && (this.#waitsFor === kind || this.#waitsFor === "answer")) return;
    this.#repeatMs = REPEAT_MS;
    this.#wait(kind, kind === "gap" ? GAP_MS : TAIL_MS);
  }

  /** The way to the service failed: nobody may be sending. Asks again soon, less often each time. */
  again(): void {
    if (this.#followMs === 0 || this.#waitsFor === "answer") return;
    this.#wait("answer", this.#repeatMs);
    this.#repeatMs = Math.min(this.#repeatMs * 2, LONGEST_REPEAT_MS);
  }

  #missing(): boolean {
    return this.port.gap() || this.port.pos() < this.port.head();
  }

  #wait(what: "gap" | "tail" | "answer", ms: number): void {
    this.#waitsFor = what;
    this.#repair.set(ms, () => {
      if (what !== "answer" && this.port.busy() && !this.port.gap()) return this.#wait("tail", TAIL_MS);
      const missing = this.#missing();
      this.port.send(missing);
      this.#renewLater();
      if (!missing) return this.#quiet();
      this.#wait("answer", this.#repeatMs);
      this.#repeatMs = Math.min(this.#repeatMs * 2, LONGEST_REPEAT_MS);
    });
  }

  #quiet(): void {
    this.#waitsFor = undefined;
    this.#repeatMs = REPEAT_MS;
    this.#repair.clear();
  }

  #renewLater(): void {
    this.#renewal.set(this.#followMs, () => {
      this.port.send(false);
      this.#verify.set(VERIFY_MS, () => this.port.verify());
      this.#renewLater();
    });
  }
}
