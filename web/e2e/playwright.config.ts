/**
 * A real browser drives the page, served by the real gateway in front of the real service. Without retries, because a
 * rare failure is a bug too.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type PlaywrightTestOptions, type PlaywrightWorkerOptions } from "@playwright/test";

/** `TERMGATE_BROWSER=firefox` runs the tests that Firefox can run: docs/browsers.md says which it cannot. */
const IN_FIREFOX = process.env.TERMGATE_BROWSER === "firefox";

/** Specs for which Firefox offers nothing to a test: docs/browsers.md has the reasons. */
const CHROMIUM_SPECS = [
  ...["app.spec.ts", "carrier.spec.ts", "composition.spec.ts", "files.spec.ts", "memory.spec.ts", "phone.spec.ts"],
];

/** `TERMGATE_BROWSER=webkit` runs the one spec that drives WebKit by itself. */
const IN_WEBKIT = process.env.TERMGATE_BROWSER === "webkit";
const WEBKIT_SPEC = "webkit.spec.ts";

type Browser = Partial<PlaywrightTestOptions & PlaywrightWorkerOptions>;

/** The system's browsers, so that none is downloaded. */
function chromium(): Browser {
  return {
    launchOptions: {
      // Half the processor time of the whole browser, in which `CHROMIUM=/usr/bin/chromium` runs the tests.
      executablePath: installed("CHROMIUM", "/usr/bin/chromium-headless-shell"),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-features=LocalNetworkAccessChecks",
      ],
    },
  };
}

function firefox(): Browser {
  installed("FIREFOX", "/usr/bin/firefox-esr");
  return {
    browserName: "firefox",
    channel: "moz-firefox",
    launchOptions: {
      executablePath: join(import.meta.dirname, "firefox.mjs"),
      firefoxUserPrefs: {
        // A mouse, which is precise and can hover: without a screen Firefox has no pointer.
        "ui.primaryPointerCapabilities": 6,
        "ui.allPointerCapabilities": 6,
        // Instead of a question.
        "dom.events.testing.asyncClipboard": true,
      },
    },
    // Firefox cannot be told to prefer any.
    colorScheme: null,
    contextOptions: { reducedMotion: null, forcedColors: null, contrast: null },
  };
}

function installed(name: "CHROMIUM" | "FIREFOX", usual: string): string {
  const path = process.env[name] ?? usual;
  if (!existsSync(path)) throw new Error(`${path} is missing: install it (Debian: apt install) or set ${name}`);
  return path;
}

export default defineConfig({
  testDir: ".",
  ...(IN_WEBKIT ? { testMatch: WEBKIT_SPEC } : { testIgnore: [WEBKIT_SPEC, ...(IN_FIREFOX ? CHROMIUM_SPECS : [])] }),
  ...(IN_FIREFOX && { grepInvert: /@chromium/ }),
  outputDir: IN_FIREFOX ? "../test-results/firefox" : "../test-results",
  retries: 0,
  // Most tests wait.
  workers: IN_FIREFOX ? 2 : 3,
  // Far from what a busy machine takes: a test that works never gets near them.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: { viewport: { width: 1000, height: 640 }, ...(IN_FIREFOX ? firefox() : chromium()) },
});
