// @vitest-environment jsdom
/**
 * The browser's page and clock.
 */

import { expect, test, vi } from "vitest";
import { browserClock, browserPage, type PageChange } from "../../src/core/index.ts";

function visibility(state: "visible" | "hidden"): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

test("reports changes until stopped", () => {
  const changes: PageChange[] = [];
  const stop = browserPage.watch((what) => changes.push(what));
  expect(browserPage.visible).toBe(true);
  visibility("hidden");
  expect(browserPage.visible).toBe(false);
  visibility("visible");
  window.dispatchEvent(new Event("offline"));
  window.dispatchEvent(new Event("online"));
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  stop();
  visibility("hidden");
  window.dispatchEvent(new Event("online"));
  expect(changes).toEqual(["hidden", "shown", "offline", "online", "shown"]);
  visibility("visible");
});

test("reports the network and the protocol", () => {
  expect(browserPage.offline).toBe(false);
  const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  expect(browserPage.offline).toBe(true);
  online.mockRestore();
  expect(browserPage.secure).toBe(false);
  vi.stubGlobal("location", { protocol: "https:" });
  expect(browserPage.secure).toBe(true);
  vi.unstubAllGlobals();
});

test("the wall clock counts from 1970, the monotonic one does not", () => {
  expect(browserClock.wall()).toBeGreaterThan(1_700_000_000_000);
  expect(browserClock.now()).toBeLessThan(1_000_000_000_000);
});
