/**
 * API Gateway's limits, in scaled time: nobody notices them.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { startStack, test } from "./stack.ts";

/** 10 min of silence are 1 s, 2 h are 12 s. */
const SCALE = 600;
/** The page's own times, as fast. */
const TIMES = { pingMs: 30_000 / SCALE, pongMs: 5000, handoverMs: `${6_300_000 / SCALE}-${6_900_000 / SCALE}` };

const scaled = (url: string, times: object) => `${url}/?${new URLSearchParams(Object.entries(times))}`;

test("an idle tab outlives 12 minutes of silence and the end of two connections", async ({ page }) => {
  const stack = await startStack("--time-scale", String(SCALE));
  try {
    const screen = new Screen(page);
    await screen.open(scaled(stack.url, TIMES));
    const states = await watchStates(screen);
    await screen.run("remembered=yes");
    // Twelve minutes without a touch: one connection.
    await page.waitForFunction((from) => performance.now() - from > 1200, await page.evaluate(() => performance.now()));
    expect(screen.sockets).toBe(1);
    // Past the second hour, and past the fourth.
    await expect.poll(() => screen.sockets, { timeout: 40_000 }).toBe(3);
    expect(await screen.run('echo "<$remembered>"')).toEqual(["<yes>"]);
    expect(await states()).toEqual([]);
    expect(screen.problems).toEqual([]);
  } finally {
    await stack.stop();
  }
});

test("connections are handed over under a typing hand: no key and no byte is lost or doubled", async ({ page }) => {
  test.setTimeout(120_000);
  const stack = await startStack();
  try {
    const screen = new Screen(page);
    await screen.open(scaled(stack.url, { handoverMs: "1000-1500" }));
    const states = await watchStates(screen);
    const printing = "(for i in $(seq 1 300); do echo out $i; sleep 0.02; done) &";
    await screen.type(`stty -echo; ${printing} cat > typed.txt`);
    await screen.press("Enter");
    await screen.shows(/^out 1$/m);
    const before = screen.sockets;
    const lines = Array.from({ length: 40 }, (_, at) => `key ${at} ${"abcdefghij".repeat(2)}`);
    for (const line of lines) await page.keyboard.type(`${line}\n`, { delay: 8 });
    await screen.shows(/^out 300$/m, 60_000);
    await screen.press("Control+d");
    await screen.prompt();
    expect(screen.sockets - before).toBeGreaterThan(3);
    expect(await states()).toEqual([]);
    const shown = (await screen.history()).filter((line) => /^out \d+$/.test(line));
    expect(shown).toEqual(Array.from({ length: 300 }, (_, at) => `out ${at + 1}`));
    await screen.type("stty echo");
    await screen.press("Enter");
    const sum = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
    expect(await screen.run("sha256sum < typed.txt")).toEqual([`${sum.digest("hex")}  -`]);
  } finally {
    await stack.stop();
  }
});

/** Every state that the page has shown since, but for "connected". */
async function watchStates(screen: Screen): Promise<() => Promise<string[]>> {
  await screen.page.evaluate(() => {
    const client = window.termgate?.client;
    const seen: string[] = [];
    client?.subscribe(() => client.state.status !== "connected" && seen.push(client.state.status));
    client?.onError((error) => seen.push(error.code));
    Object.assign(window, { seenStates: seen });
  });
  return () => screen.page.evaluate(() => (window as unknown as { seenStates: string[] }).seenStates);
}
