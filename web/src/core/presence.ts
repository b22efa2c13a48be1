/**
 * Whether anybody is there, and whether the machine was awake: when to let a connection rest, and when to look at once how it is.
 */

import { type Clock, Timer } from "./clock.ts";
import type { Page } from "./page.ts";

/** How often the two clocks are compared. */
const LOOK_MS = 5000;
/** A look that comes this much too late: the machine slept. Timers of hidden pages are slowed down to one a minute. */
const LATE_MS = 5000;

/** What presence may do. */
export interface PresencePort {
  clock: Clock;
  page: Page;
  /** Hidden for this long is away. */
  hiddenMs: number;
  /** Nobody has looked for so long that nothing needs to come; said again after as long again. */
  away(): void;
  /** Something happened that is a reason to try now: shown, online, awake. */
  back(): void;
  /** The browser says that there is no network. */
  offline(): void;
}

/** One client's. */
export class Presence {
  #stopWatching: (() => void) | undefined;
  #lookedAt = 0;
  #isHidden = false;
  #isAway = false;
  readonly #look: Timer;
  readonly #hidden: Timer;

  constructor(private readonly port: PresencePort) {
    this.#look = new Timer(port.clock);
    this.#hidden = new Timer(port.clock);
  }

  start(): void {
    if (this.#stopWatching) return;
    const { page } = this.port;
    this.#stopWatching = page.watch((what) => {
      if (what === "hidden") this.#hide();
      else if (what === "shown") this.#show();
      else if (what === "offline") this.port.offline();
      // Nobody wants the network that is back.
      else if (!this.#isAway) this.port.back();
    });
    this.#lookLater();
    if (!page.visible) this.#hide();
  }

  stop(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    this.#isHidden = false;
    this.#isAway = false;
    this.#look.clear();
    this.#hidden.clear();
  }

  #hide(): void {
    this.#isHidden = true;
    this.#hidden.set(this.port.hiddenMs, () => {
      this.#isAway = true;
      this.port.away();
      this.#hide();
    });
  }

  #show(): void {
    this.#isHidden = false;
    this.#isAway = false;
    this.#hidden.clear();
    this.port.back();
  }

  #lookLater(): void {
    const { clock } = this.port;
    this.#lookedAt = clock.wall();
    this.#look.set(LOOK_MS, () => {
      const late = clock.wall() - this.#lookedAt - LOOK_MS;
      this.#lookLater();
      // A hidden page is looked after when it is shown.
      if (late > LATE_MS && !this.#isHidden) this.port.back();
    });
  }
}
