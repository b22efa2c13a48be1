/**
 * A real Chromium drives the page, served by the real gateway in front of the real service. Without retries, because a
 * rare failure is a bug too.
 */

import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The system's browser, so that none is downloaded. */
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(CHROMIUM)) {
  throw new Error(`${CHROMIUM} is missing: install chromium (Debian: apt install chromium) or set CHROMIUM`);
}

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results",
  retries: 0,
  workers: 1,
  // Far from what a busy machine takes: a test that works never gets near them.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1000, height: 640 },
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-features=LocalNetworkAccessChecks",
      ],
    },
  },
});
