/**
 * The page around the terminal, as far as a connection cares: whether anybody looks at it, whether there is a network, and how
 * it was loaded. Tests hand in their own.
 */

/** What changed. */
export type PageChange = "shown" | "hidden" | "online" | "offline";

/** What the client needs of a page. */
export interface Page {
  /** Whether somebody may be looking. */
  readonly visible: boolean;
  /** Whether the browser says that there is no network. */
  readonly offline: boolean;
  /** Whether it was loaded over https: it may open no `ws:` then. */
  readonly secure: boolean;
  /** Calls with every change; the answer ends it. */
  watch(changed: (what: PageChange) => void): () => void;
}

/** The browser's own; where there is none, a page that is always there. */
export const browserPage: Page = {
  get visible() {
    return typeof document === "undefined" || document.visibilityState !== "hidden";
  },
  get offline() {
    return typeof navigator !== "undefined" && navigator.onLine === false;
  },
  get secure() {
    return typeof location !== "undefined" && location.protocol === "https:";
  },
  watch(changed) {
    if (typeof document === "undefined" || typeof window === "undefined") return () => {};
    const end = new AbortController();
    const { signal } = end;
    document.addEventListener("visibilitychange", () => changed(this.visible ? "shown" : "hidden"), { signal });
    // Back from where browsers keep pages that were left, where no timer ran.
    window.addEventListener("pageshow", (event) => event.persisted && changed("shown"), { signal });
    window.addEventListener("online", () => changed("online"), { signal });
    window.addEventListener("offline", () => changed("offline"), { signal });
    return () => end.abort();
  },
};
