/**
 * A page that tests hide, show and take off the network.
 */

import type { Page, PageChange } from "../../src/core/index.ts";

/** Visible at first. */
export class FakePage implements Page {
  visible = true;
  offline = false;
  secure = true;
  #changed: ((what: PageChange) => void) | undefined;

  /** Whether anyone still listens. */
  get watched(): boolean {
    return this.#changed !== undefined;
  }

  watch(changed: (what: PageChange) => void): () => void {
    this.#changed = changed;
    return () => {
      this.#changed = undefined;
    };
  }

  hide(): void {
    this.visible = false;
    this.#changed?.("hidden");
  }

  show(): void {
    this.visible = true;
    this.#changed?.("shown");
  }

  /** The network is gone. */
  unplug(): void {
    this.offline = true;
    this.#changed?.("offline");
  }

  online(): void {
    this.offline = false;
    this.#changed?.("online");
  }
}
