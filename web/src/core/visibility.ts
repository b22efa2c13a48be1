/**
 * Watches whether the page is visible, online and awake: when to suspend the connection, and when to check it at once.
 */

import { type Clock, Timer } from "./clock.ts";
import type { Page } from "./page.ts";

/** How often the monotonic and the wall clock are compared. */
const POLL_INTERVAL_MS = 5000;
/** A poll this late means that the machine slept. */
const SLEEP_THRESHOLD_MS = 5000;
/** Part of `hiddenMs` after which an idle page is reported again: 8 min, and 9 where a browser slows its timers down. */
const AGAIN = 0.8;

export interface VisibilityPort {
  clock: Clock;
  page: Page;
  /** A page that is hidden for this long is idle. */
  hiddenMs: number;
  /** The page has been hidden for `hiddenMs`; repeated a little before as long again. */
  idle(): void;
  /** The page was shown, went online, or the machine woke up. */
  active(): void;
  offline(): void;
}

export class VisibilityMonitor {
  #stopWatching: (() => void) | undefined;
  /** Time of the last poll by the wall clock. */
  #polledAt = 0;
  #isHidden = false;
  #isIdle = false;
  readonly #poll: Timer;
  readonly #hidden: Timer;

  constructor(private readonly port: VisibilityPort) {
    this.#poll = new Timer(port.clock);
    this.#hidden = new Timer(port.clock);
  }

  start(): void {
    if (this.#stopWatching) return;
    const { page } = this.port;
    this.#stopWatching = page.watch((what) => {
      if (what === "hidden") this.#hide();
      else if (what === "shown") this.#show();
      else if (what === "offline") this.port.offline();
      // An idle page needs no network.
      else if (!this.#isIdle) this.port.active();
    });
    this.#schedulePoll();
    if (!page.visible) this.#hide();
  }

  stop(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    this.#isHidden = false;
    this.#isIdle = false;
    this.#poll.clear();
    this.#hidden.clear();
  }

  #hide(afterMs = this.port.hiddenMs): void {
    this.#isHidden = true;
    this.#hidden.set(afterMs, () => {
      this.#isIdle = true;
      this.port.idle();
      this.#hide(AGAIN * this.port.hiddenMs);
    });
  }

  #show(): void {
    this.#isHidden = false;
    this.#isIdle = false;
    this.#hidden.clear();
    this.port.active();
  }

  #schedulePoll(): void {
    const { clock } = this.port;
    this.#polledAt = clock.wall();
    this.#poll.set(POLL_INTERVAL_MS, () => {
      const late = clock.wall() - this.#polledAt - POLL_INTERVAL_MS;
      this.#schedulePoll();
      // Browsers slow the timers of hidden pages down to one a minute, and such a page is checked when it is shown.
      if (late > SLEEP_THRESHOLD_MS && !this.#isHidden) this.port.active();
    });
  }
}
