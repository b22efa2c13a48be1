/**
 * A page that has seen much output is no larger than one that has seen little.
 */

import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { test } from "./stack.ts";

/** What 10,000 lines of scrollback and everything else of the page may take after any amount of output, in bytes. */
const HEAP_BYTES = 60e6;
/** Output, in bytes, and how long it may take. */
const FLOOD_BYTES = 50e6;
const FLOOD_MS = 30_000;

test("50 MB of output leave no more than a full scrollback", async ({ page, stack }) => {
  test.setTimeout(90_000);
  const screen = new Screen(page);
  await screen.open(stack.url);
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize;
  };
  const before = await heap();
  const from = Date.now();
  await screen.type(`yes "$(printf '%099d' 7)" | head -c ${FLOOD_BYTES}; echo; echo done`);
  await screen.press("Enter");
  await screen.shows(/^done$/m, FLOOD_MS);
  const took = Date.now() - from;
  await expect.poll(heap, { timeout: 10_000 }).toBeLessThan(HEAP_BYTES);
  const megabytes = [before, await heap()].map((bytes) => (bytes / 1e6).toFixed(1));
  test.info().annotations.push({ type: "50 MB", description: `${took} ms, heap ${megabytes.join(" to ")} MB` });
  expect(await page.evaluate(() => window.termgate?.terminal?.buffer.normal.length)).toBeLessThan(10_100);
  expect(await screen.run("echo still here")).toEqual(["still here"]);
});
