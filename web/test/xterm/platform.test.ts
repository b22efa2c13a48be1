/**
 * A bundler's `process` does not hide the browser.
 */

import { afterEach, expect, test, vi } from "vitest";
import { revealBrowser } from "../../src/xterm/platform.ts";

afterEach(() => vi.unstubAllGlobals());

test("the title of a bundler's process goes, that of Node.js stays", () => {
  const bundled = { title: "browser", env: {}, versions: {} };
  vi.stubGlobal("process", bundled);
  revealBrowser();
  expect(bundled).toHaveProperty("title");
  vi.stubGlobal("window", {});
  revealBrowser();
  expect(bundled).toEqual({ env: {}, versions: {} });
  const node = { title: "node", versions: { node: "24.0.0" } };
  vi.stubGlobal("process", node);
  revealBrowser();
  expect(node).toHaveProperty("title");
});

test("a process that cannot be changed does no harm", () => {
  vi.stubGlobal("window", {});
  vi.stubGlobal("process", Object.freeze({ title: "browser" }));
  revealBrowser();
  vi.stubGlobal("process", undefined);
  revealBrowser();
});
