/**
 * Keeps frames coming: tells the service that the page is looked at, and requests lost frames again.
 */

import { type Clock, Timer } from "./clock.ts";

/** A gap that is this old does not close by itself. */
const GAP_TIMEOUT_MS = 300;
/** The end of the stream counts as lost if it does not arrive within this time. */
const TAIL_TIMEOUT_MS = 2000;
/** A repair without effect is repeated after this delay, which doubles up to the maximum. */
const RETRY_DELAY_MS = 1000;
const MAX_RETRY_DELAY_MS = 8000;
/**
 * Delay from a renewal to the check that frames go on. By then the relay before it has ended, and a user who types has
 * seen an echo since; the answer's `head` shows what is missing.
 */
const VERIFY_DELAY_MS = 10_000;

export interface FollowerPort {
  clock: Clock;
  /** Everything before this position was received. */
  pos(): number;
  /** Highest known position of the stream. */
  head(): number;
  /** True if a frame arrived before its predecessor. */
  gap(): boolean;
  /** Changes whenever something useful was received. */
  progress(): number;
  /** True while received output is being processed: then the service may pause on purpose, and nothing is lost. */
  busy(): boolean;
  send(repair: boolean): void;
  /** Sends a message that needs an answer. */
  verify(): void;
}

export class Follower {
  readonly #renewal: Timer;
  readonly #repair: Timer;
  readonly #verify: Timer;
  /** Renewal interval; 0 while detached. */
  #followMs = 0;
  #lastProgress = 0;
  #retryDelayMs = RETRY_DELAY_MS;
  /** The event that the repair timer waits for. */
  #waitingFor: "gap" | "tail" | "answer" | undefined;

  constructor(private readonly port: FollowerPort) {
    this.#renewal = new Timer(port.clock);
    this.#repair = new Timer(port.clock);
    this.#verify = new Timer(port.clock);
  }

  /** Starts after an attach, after which the service sends frames. */
  start(followMs: number): void {
    this.stop();
    this.#followMs = followMs;
    this.#lastProgress = this.port.progress();
    this.#scheduleRenewal();
    this.observe();
  }

  stop(): void {
    this.#followMs = 0;
    this.#renewal.clear();
    this.#verify.clear();
    this.#cancelRepair();
  }

  /** Checks for missing frames; called after every arrival. */
  observe(): void {
    if (this.#followMs === 0) return;
    const progress = this.port.progress();
    const moved = progress !== this.#lastProgress;
    this.#lastProgress = progress;
    if (!this.#missing()) return this.#cancelRepair();
    const kind = this.port.gap() ? "gap" : "tail";
    // Only progress restarts a timer that already runs for this position.
    if (!moved && (this.#waitingFor === kind || this.#waitingFor === "answer")) return;
    this.#retryDelayMs = RETRY_DELAY_MS;
    this.#wait(kind, kind === "gap" ? GAP_TIMEOUT_MS : TAIL_TIMEOUT_MS);
  }

  /** The service asks for a renewal: the relay that carries its frames ends soon. */
  renew(): void {
    if (this.#followMs === 0) return;
    this.port.send(false);
    this.#scheduleRenewal();
  }

  /** The way to the service failed, so nothing may be sending: requests frames again, with increasing delays. */
  retry(): void {
    if (this.#followMs === 0 || this.#waitingFor === "answer") return;
    this.#waitForAnswer();
  }

  #missing(): boolean {
    return this.port.gap() || this.port.pos() < this.port.head();
  }

  #waitForAnswer(): void {
    this.#wait("answer", this.#retryDelayMs);
    this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, MAX_RETRY_DELAY_MS);
  }

  #wait(what: "gap" | "tail" | "answer", ms: number): void {
    this.#waitingFor = what;
    this.#repair.set(ms, () => {
      if (what !== "answer" && this.port.busy() && !this.port.gap()) return this.#wait("tail", TAIL_TIMEOUT_MS);
      const missing = this.#missing();
      this.port.send(missing);
      this.#scheduleRenewal();
      if (missing) this.#waitForAnswer();
      // The delay stays: only a frame proves that the way works again.
      else this.#waitingFor = undefined;
    });
  }

  #cancelRepair(): void {
    this.#waitingFor = undefined;
    this.#retryDelayMs = RETRY_DELAY_MS;
    this.#repair.clear();
  }

  #scheduleRenewal(): void {
    this.#renewal.set(this.#followMs, () => {
      this.port.send(false);
      this.#verify.set(VERIFY_DELAY_MS, () => this.port.verify());
      this.#scheduleRenewal();
    });
  }
}
