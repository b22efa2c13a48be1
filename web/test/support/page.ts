/**
 * A page whose visibility and network the test controls.
 */

import type { Page, PageChange } from "../../src/core/index.ts";

export class FakePage implements Page {
  visible = true;
  offline = false;
  secure = true;
  #changed: ((what: PageChange) => void) | undefined;

  /** True while a listener is registered. */
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

  /** Disconnects the network. */
  goOffline(): void {
    this.offline = true;
    this.#changed?.("offline");
  }

  goOnline(): void {
    this.offline = false;
    this.#changed?.("online");
  }
}
