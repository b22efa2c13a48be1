/**
 * Hands output to the emulator, and notices when that fails on it. xterm.js parses nothing any more after an exception in
 * its parser, which no caller can catch.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import { type Clock, Timer } from "../core/index.ts";
import { CountLimiter } from "./count-limiter.ts";

/** The emulator failed if it parses nothing for this many checks in a row; a page that is busy makes none. */
const CHECK_INTERVAL_MS = 1000;
const MAX_IDLE_CHECKS = 4;
/** The same after an uncaught exception, which may be the emulator's. */
const CHECK_AFTER_EXCEPTION_MS = 500;

export class EmulatorGuard implements IDisposable {
  #limiter = new CountLimiter();
  /** Pieces that the emulator has not parsed. */
  #unparsed = 0;
  /** Checks since it has parsed one. */
  #idleChecks = 0;
  #failed = false;
  readonly #check: Timer;
  readonly #exceptions = new AbortController();

  /** `onFailure` is called once; the emulator gets nothing after that. */
  constructor(
    private readonly terminal: Terminal,
    private readonly onFailure: (why: unknown) => void,
    clock: Clock,
  ) {
    this.#check = new Timer(clock);
    if (typeof window === "undefined") return;
    window.addEventListener("error", () => this.#suspect(), { signal: this.#exceptions.signal });
  }

  /** Writes the bytes in pieces that each take little time. */
  write(bytes: Uint8Array, parsed: () => void): void {
    const { terminal } = this;
    // The size changes only once everything before is parsed.
    const pieces = this.#limiter.limit(bytes, terminal.cols, terminal.rows);
    this.run(() => {
      pieces.forEach((piece, at) => {
        this.#unparsed += 1;
        terminal.write(piece, () => {
          this.#unparsed -= 1;
          this.#idleChecks = 0;
          if (at === pieces.length - 1 && !this.#failed) parsed();
        });
      });
    });
    if (!this.#check.pending) this.#schedule();
  }

  /** Changes the emulator. */
  run(change: () => void): void {
    if (this.#failed) return;
    try {
      change();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resets the emulator, also if output stopped within a sequence. */
  reset(reset: () => void): void {
    this.#limiter = new CountLimiter();
    this.run(reset);
  }

  dispose(): void {
    this.#failed = true;
    this.#check.clear();
    this.#exceptions.abort();
  }

  #schedule(): void {
    if (this.#failed || this.#unparsed === 0) return;
    this.#check.set(CHECK_INTERVAL_MS, () => this.#checkNow());
  }

  #suspect(): void {
    if (this.#failed || this.#unparsed === 0) return;
    this.#idleChecks = MAX_IDLE_CHECKS - 1;
    this.#check.set(CHECK_AFTER_EXCEPTION_MS, () => this.#checkNow());
  }

  #checkNow(): void {
    this.#idleChecks = this.#unparsed === 0 ? 0 : this.#idleChecks + 1;
    if (this.#idleChecks >= MAX_IDLE_CHECKS) this.#fail("it stopped");
    else this.#schedule();
  }

  #fail(why: unknown): void {
    if (this.#failed) return;
    this.dispose();
    this.onFailure(why);
  }
}
