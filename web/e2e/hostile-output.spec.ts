/**
 * No output kills a page: hostile streams of a program in the shell. `HOSTILE_SEEDS=1000` tries more, by hand.
 */

import { writeFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { hostileOutput } from "../test/support/hostile-output.ts";
import { seeded } from "../test/support/random.ts";
import { test } from "./stack.ts";
import type { TerminalPage } from "./terminal-page.ts";

const FIRST = Number(process.env.HOSTILE_SEED ?? "1");
const SEEDS = Number(process.env.HOSTILE_SEEDS ?? "4");

/** Runs a command, then resets the terminal and prints a text that shows that the page still works. */
async function lives(terminal: TerminalPage, text: string, command = "true"): Promise<void> {
  await terminal.type(`${command}; printf '\\030\\033c'; echo '${text}' | tr a-z A-Z\n`);
  await terminal.shows(text.toUpperCase(), 30_000);
}

test("an exception in the emulator opens another one with the screen, and says so", async ({ terminal }) => {
  await terminal.type("printf '\\033[999;999H\\033[1J'\n");
  await expect.poll(() => terminal.status()).toContain("drawn again");
  await terminal.prompt();
  await lives(terminal, "alive");
  await terminal.screenshot("drawn-again");
});

test("a page that loads on output that kills an emulator shows the screen", async ({ terminal }) => {
  await terminal.type("printf '\\033[999;999H\\033[1J'\n");
  await expect.poll(() => terminal.status()).toContain("drawn again");
  await terminal.page.reload();
  await terminal.prompt();
  await lives(terminal, "alive");
});

test("the largest counts take no time", async ({ terminal }) => {
  for (const final of "SLTMb@PXIZ") await terminal.type(`printf 'x\\033[2147483647${final}'\n`);
  await lives(terminal, "alive");
  expect(await terminal.status()).not.toContain("drawn again");
});

test("the page outlives hostile streams", async ({ terminal }, testInfo) => {
  test.setTimeout(SEEDS * 60_000);
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const file = testInfo.outputPath(`stream-${seed}`);
    writeFileSync(file, hostileOutput(seeded(seed), 500));
    // The replies to its queries would be typed: they are read up to that of another query.
    const ask = "printf '\\030\\033[?31337$p'; while read -rs -t 30 -d y reply && [[ $reply != *31337* ]]; do :; done";
    await lives(terminal, `seed ${seed} done`, `cat '${file}'; ${ask}`);
  }
});
