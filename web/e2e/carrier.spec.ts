/**
 * A gateway that hands over the messages of one connection one after the other: the page opens a second one.
 */

import { expect, type WebSocket } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** Time in which the service finds out: three runs of up to 25 s, and the page's next ping. */
const KNOWN_WITHIN_MS = 150_000;
/** Time for the last run of the first connection to end. */
const LAST_RUN_MS = 30_000;
/** Longer than a run carries, so that another one takes over. */
const TYPING_MS = 30_000;
const KEY_DELAY_MS = 200;
/** No key may wait longer, whichever run carries its echo. */
const MAX_ECHO_MS = 1000;

test("keys do not wait for the messages before them, and nothing of it is visible", async ({ page, launch }) => {
  test.setTimeout(300_000);
  const stack = await launch({}, "--fault", "one-at-a-time");
  const carriers: WebSocket[] = [];
  const frames: string[] = [];
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).searchParams.get("carrier") !== "1") return;
    carriers.push(socket);
    socket.on("framereceived", ({ payload }) => frames.push(String(payload)));
  });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await expect
    .poll(() => carriers.length, { timeout: KNOWN_WITHIN_MS, message: "the page opens a second connection" })
    .toBe(1);
  await expect.poll(() => frames.length, { message: "the service accepts it" }).toBeGreaterThan(0);
  await terminal.type("cat #");
  await terminal.shows(/cat #$/, LAST_RUN_MS);
  await terminal.press("Enter");
  await expect.poll(() => terminal.text()).toMatch(/cat #\n?$/);

  const slowest = await page.evaluate(
    async ([typingMs, keyDelayMs]) => {
      const terminal = window.termgate?.terminal;
      if (!terminal) throw new Error("the page has no terminal");
      const column = () => terminal.buffer.active.cursorY * terminal.cols + terminal.buffer.active.cursorX;
      let slowest = 0;
      for (const started = performance.now(); performance.now() - started < typingMs; ) {
        const before = column();
        const typed = performance.now();
        terminal.input("x");
        while (column() === before && performance.now() - typed < 30_000) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        slowest = Math.max(slowest, performance.now() - typed);
        await new Promise((resolve) => setTimeout(resolve, keyDelayMs));
      }
      return slowest;
    },
    [TYPING_MS, KEY_DELAY_MS] as const,
  );
  expect(slowest).toBeLessThan(MAX_ECHO_MS);
  expect(frames.length).toBeGreaterThan(1);
  expect(frames.filter((frame) => !frame.includes('"carried"'))).toEqual([]);
  expect(terminal.sockets).toBe(2);
  expect(await terminal.status()).toContain("Connected");
  await expect(page.locator(".tg").getByRole("alert")).toHaveCount(0);
  expect(terminal.problems).toEqual([]);
  await terminal.screenshot("carrier");
});
