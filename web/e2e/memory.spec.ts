/**
 * Memory stays bounded after much output.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** Heap limit with a full scrollback of 10,000 lines. */
const MAX_HEAP_BYTES = 60e6;
const FLOOD_BYTES = 50e6;
/** On a busy machine. */
const FLOOD_TIMEOUT_MS = 120_000;

test("50 MB of output use no more memory than a full scrollback", async ({ page, stack }) => {
  test.setTimeout(180_000);
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize;
  };
  const before = await heap();
  const from = Date.now();
  await terminal.type(`yes "$(printf '%099d' 7)" | head -c ${FLOOD_BYTES}; echo; echo done`);
  await terminal.press("Enter");
  await terminal.shows(/^done$/m, FLOOD_TIMEOUT_MS);
  const took = Date.now() - from;
  await expect.poll(heap, { timeout: 10_000 }).toBeLessThan(MAX_HEAP_BYTES);
  const megabytes = [before, await heap()].map((bytes) => (bytes / 1e6).toFixed(1));
  test.info().annotations.push({ type: "50 MB", description: `${took} ms, heap ${megabytes.join(" to ")} MB` });
  expect(await page.evaluate(() => window.termgate?.terminal?.buffer.normal.length)).toBeLessThan(10_100);
  expect(await terminal.run("echo still here")).toEqual(["still here"]);
});
