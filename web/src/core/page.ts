/**
 * The page around the terminal, as far as a connection cares: whether anybody looks at it, and when the network is back. Tests
 * hand in their own.
 */

/** What changed. */
export type PageChange = "shown" | "hidden" | "online";

/** What the client needs of a page. */
export interface Page {
  /** Whether somebody may be looking. */
  readonly visible: boolean;
  /** Calls with every change; the answer ends it. */
  watch(changed: (what: PageChange) => void): () => void;
}

/** The browser's own; where there is none, a page that is always there. */
export const browserPage: Page = {
  get visible() {
    return typeof document === "undefined" || document.visibilityState !== "hidden";
  },
  watch(changed) {
    if (typeof document === "undefined" || typeof window === "undefined") return () => {};
    const end = new AbortController();
    const { signal } = end;
    document.addEventListener("visibilitychange", () => changed(this.visible ? "shown" : "hidden"), { signal });
    // Back from where browsers keep pages that were left, where no timer ran.
    window.addEventListener("pageshow", (event) => event.persisted && changed("shown"), { signal });
    window.addEventListener("online", () => changed("online"), { signal });
    return () => end.abort();
  },
};
