/**
 * The browser page as the client sees it: visibility, network, protocol. Tests pass their own.
 */

export type PageChange = "shown" | "hidden" | "online" | "offline";

export interface Page {
  readonly visible: boolean;
  /** True if the browser reports that there is no network. */
  readonly offline: boolean;
  /** True if loaded over https, and so unable to open `ws:`. */
  readonly secure: boolean;
  /** Reports every change; the returned function stops it. */
  watch(changed: (what: PageChange) => void): () => void;
}

/** The browser's page; outside a browser, one that is always visible and online. */
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
    // Restored from the back/forward cache, where no timer ran.
    window.addEventListener("pageshow", (event) => event.persisted && changed("shown"), { signal });
    window.addEventListener("online", () => changed("online"), { signal });
    window.addEventListener("offline", () => changed("offline"), { signal });
    return () => end.abort();
  },
};
