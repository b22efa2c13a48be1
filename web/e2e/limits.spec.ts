/**
 * API Gateway's time limits, in scaled time, do not interrupt the terminal. A user's limit of connections says its name.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** 10 min become 3 s, and 2 h become 36 s: a browser on a busy machine may stand still for a second. */
const SCALE = 200;
/** Time for a new connection, which takes as long in scaled time. */
const HANDOVER_MS = 4000;
/** The page's times in the same scale. */
const TIMES = {
  pingMs: 30_000 / SCALE,
  pongMs: 5000,
  handoverMs: `${6_300_000 / SCALE - HANDOVER_MS}-${6_900_000 / SCALE - HANDOVER_MS}`,
};

const scaled = (url: string, times: object) => `${url}/?${new URLSearchParams(Object.entries(times))}`;

test("an idle tab survives 12 minutes of silence and the time limit of two connections", async ({ page, launch }) => {
  const stack = await launch({}, "--time-scale", String(SCALE));
  const terminal = new TerminalPage(page);
  await terminal.open(scaled(stack.url, TIMES));
  const states = await watchStates(terminal);
  await terminal.run("remembered=yes");
  // 12 minutes of silence: still one connection.
  await page.waitForFunction((from) => performance.now() - from > 3600, await page.evaluate(() => performance.now()));
  expect(terminal.sockets).toBe(1);
  // Past 2 h, and past 4 h.
  await expect.poll(() => terminal.sockets, { timeout: 80_000 }).toBe(3);
  expect(await terminal.run('echo "<$remembered>"')).toEqual(["<yes>"]);
  expect(await states()).toEqual([]);
  expect(terminal.problems).toEqual([]);
});

test("handovers during typing lose or repeat no key and no byte", async ({ page, launch }) => {
  const stack = await launch({});
  const terminal = new TerminalPage(page);
  await terminal.open(scaled(stack.url, { handoverMs: "1000-1500" }));
  const states = await watchStates(terminal);
  const printing = "(for i in $(seq 1 300); do echo out $i; sleep 0.02; done) &";
  await terminal.type(`stty -echo; ${printing} cat > typed.txt`);
  await terminal.press("Enter");
  await terminal.shows(/^out \d+$/m);
  const before = terminal.sockets;
  const lines = Array.from({ length: 40 }, (_, at) => `key ${at} ${"abcdefghij".repeat(2)}`);
  for (const line of lines) await page.keyboard.type(`${line}\n`, { delay: 8 });
  await terminal.shows(/^out 300$/m, 60_000);
  await terminal.press("Control+d");
  await terminal.prompt();
  expect(terminal.sockets - before).toBeGreaterThan(3);
  expect(await states()).toEqual([]);
  const shown = (await terminal.history()).filter((line) => /^out \d+$/.test(line));
  expect(shown).toEqual(Array.from({ length: 300 }, (_, at) => `out ${at + 1}`));
  await terminal.echoAgain();
  const sum = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
  expect(await terminal.run("sha256sum < typed.txt")).toEqual([`${sum.digest("hex")}  -`]);
});

test("a page beyond the user's connections says so, and works once another one is closed", async ({
  page,
  launch,
  context,
}) => {
  const stack = await launch({ MAX_CONNECTIONS_PER_USER: "1" });
  const first = new TerminalPage(page);
  await first.open(stack.url);
  const second = new TerminalPage(await context.newPage());
  await visit(second.page, stack.url);
  await expect(second.page.locator("footer.tg-status")).toContainText("Too many terminals are open. Close one");
  expect(await second.page.evaluate(() => window.termgate?.client?.state.error?.message)).toContain(
    "MAX_CONNECTIONS_PER_USER",
  );
  await page.close();
  await second.prompt();
});

/** Returns the states other than `connected`, and the errors, since this call. */
async function watchStates(terminal: TerminalPage): Promise<() => Promise<string[]>> {
  await terminal.page.evaluate(() => {
    const client = window.termgate?.client;
    const seen: string[] = [];
    client?.subscribe(() => client.state.status !== "connected" && seen.push(client.state.status));
    client?.onError((error) => seen.push(error.code));
    Object.assign(window, { seenStates: seen });
  });
  return () => terminal.page.evaluate(() => (window as unknown as { seenStates: string[] }).seenStates);
}
