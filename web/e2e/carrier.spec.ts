/**
 * A gateway that hands over the messages of one connection one after the other: the page opens a second one.
 */

import { expect, type WebSocket } from "@playwright/test";
import { startRedis } from "./redis.ts";
import { test as base, type Stack } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** Longer than a run carries, so that another one takes over. */
const TYPING_MS = 30_000;
const KEY_DELAY_MS = 200;
/** No key may wait longer, whichever run carries its echo. */
const MAX_ECHO_MS = 1000;

interface Recorded extends Stack {
  /** The dispatch of the API in the store. */
  dispatch(): Promise<string>;
}

const test = base.extend<{ gateway: string[]; recorded: Recorded }>({
  gateway: [["--fault", "one-at-a-time"], { option: true }],
  /** A stack whose service knows from its store that messages wait: it takes minutes to find that out. */
  recorded: async ({ launch, gateway }, use) => {
    const redis = await startRedis();
    try {
      const stack = await launch({ REDIS_URL: redis.url }, ...gateway);
      const key = `api:${encodeURIComponent(new URL(stack.url).host)}/prod:dispatch`;
      await redis.run("HSET", key, "dispatch", "serial", "at", String(Date.now()));
      await use({ ...stack, dispatch: () => redis.run("HGET", key, "dispatch") });
      await stack.stop();
    } finally {
      await redis.stop();
    }
  },
});

test("keys do not wait for the messages before them, and nothing of it is visible", async ({ page, recorded }) => {
  const carriers: WebSocket[] = [];
  const frames: string[] = [];
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).searchParams.get("carrier") !== "1") return;
    carriers.push(socket);
    socket.on("framereceived", ({ payload }) => frames.push(String(payload)));
  });
  const terminal = new TerminalPage(page);
  await terminal.open(recorded.url);
  await expect.poll(() => carriers.length, { message: "the page opens a second connection" }).toBe(1);
  await expect.poll(() => frames.length, { message: "the service accepts it" }).toBeGreaterThan(0);
  await terminal.startReader("cat #");

  const echoes = await page.evaluate(
    async ([typingMs, keyDelayMs]) => {
      const terminal = window.termgate?.terminal;
      if (!terminal) throw new Error("the page has no terminal");
      const column = () => terminal.buffer.active.cursorY * terminal.cols + terminal.buffer.active.cursorX;
      const echoes: number[] = [];
      for (const started = performance.now(); performance.now() - started < typingMs; ) {
        const before = column();
        const typed = performance.now();
        terminal.input("x");
        while (column() === before && performance.now() - typed < typingMs) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        echoes.push(performance.now() - typed);
        await new Promise((resolve) => setTimeout(resolve, keyDelayMs));
      }
      return echoes.sort((a, b) => a - b);
    },
    [TYPING_MS, KEY_DELAY_MS] as const,
  );
  const [median, slowest] = [echoes[echoes.length >> 1], echoes.at(-1)].map((ms) => Math.round(ms ?? 0));
  test.info().annotations.push({ type: "echo", description: `p50 ${median} ms, slowest ${slowest} ms` });
  expect(slowest).toBeLessThan(MAX_ECHO_MS);
  // The second question waits for the end of the run that the first one started, and starts the next.
  await expect.poll(() => frames.length).toBeGreaterThanOrEqual(2);
  expect(frames.filter((frame) => !frame.includes('"carried"'))).toEqual([]);
  expect(terminal.sockets).toBe(2);
  expect(await terminal.status()).toContain("Connected");
  await expect(page.locator(".tg").getByRole("alert")).toHaveCount(0);
  expect(terminal.problems).toEqual([]);
  await terminal.screenshot("carrier");
});

test.describe("messages that do not wait", () => {
  test.use({ gateway: [] });

  test("a carrier finds out that the record is wrong", async ({ page, recorded }) => {
    const carriers: WebSocket[] = [];
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).searchParams.get("carrier") === "1") carriers.push(socket);
    });
    const terminal = new TerminalPage(page);
    await terminal.open(recorded.url);
    await expect.poll(() => carriers.length, { message: "the page opens a second connection" }).toBe(1);
    // The carrier's second question arrives beside the run that its first one started.
    await expect.poll(() => recorded.dispatch(), { timeout: 30_000 }).toBe("concurrent");
    await terminal.type("echo sti''ll here");
    await terminal.press("Enter");
    await terminal.shows(/^still here$/m);
    await expect.poll(() => carriers[0]?.isClosed(), { message: "the page closes it" }).toBe(true);
    expect([carriers.length, terminal.sockets]).toEqual([1, 2]);
    expect(terminal.problems).toEqual([]);
  });
});
