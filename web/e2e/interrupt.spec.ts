/**
 * Ctrl-C during heavy output over slow posts, and behind a paste that is not read.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

test("Ctrl-C stops heavy output at once, although each post is slow", async ({ page, launch }) => {
  const stack = await launch({}, "--fault", "slow=60");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  for (const round of ["one", "two"]) {
    await terminal.type(`yes flood ${round}`);
    await terminal.press("Enter");
    await terminal.shows(new RegExp(`(flood ${round}\\n){10}`));
    await terminal.press("Control+c");
    const pressed = Date.now();
    await terminal.prompt();
    const took = Date.now() - pressed;
    test.info().annotations.push({ type: "prompt back", description: `${took} ms` });
    expect(took).toBeLessThan(2000);
    expect(await terminal.run(`echo after ${round}`)).toEqual([`after ${round}`]);
  }
  expect(terminal.problems).toEqual([]);
});

test("Ctrl-C overtakes an unread 20 KB paste, and none of it runs", async ({ page, terminal }) => {
  await terminal.type("stty -echo; sleep 1000");
  await terminal.press("Enter");
  await expect
    .poll(() => page.evaluate(() => window.termgate?.client.state.tty))
    .toEqual({ echo: false, canonical: true });
  await expect.poll(() => page.evaluate(() => window.termgate?.terminal?.modes.bracketedPasteMode)).toBe(false);
  await terminal.paste("touch pasted-and-run\n".repeat(1000));
  await terminal.confirmPaste();
  await terminal.press("Control+c");
  await terminal.prompt();
  await terminal.echoAgain();
  expect(await terminal.run("ls pasted-and-run 2>&1 | tail -c 26")).toEqual(["No such file or directory"]);
  expect(terminal.problems).toEqual([]);
});

test("a paste that is too large is rejected as a whole, with a message", async ({ page, terminal }) => {
  await terminal.paste("x".repeat(20_000_000));
  await expect(page.locator(".tg-detail")).toHaveText(/^20\.0 MB cannot be sent: .* Nothing was sent$/);
  expect(await terminal.run("echo well")).toEqual(["well"]);
});

test("vim receives Ctrl-C as a key, in order", async ({ page, terminal }) => {
  await terminal.type("vim -u NONE -N");
  await terminal.press("Enter");
  await terminal.shows("VIM - Vi IMproved");
  await page.keyboard.type("itext before");
  // vim itself discards unread input when it reads Ctrl-C.
  await terminal.shows(/text before(.|\n)*-- INSERT --/);
  await terminal.press("Control+c");
  await expect.poll(() => terminal.text()).not.toContain("INSERT");
  await page.keyboard.type(":s/text/word/");
  await terminal.press("Enter");
  await terminal.shows("word before");
  await page.keyboard.type(":q!");
  await terminal.press("Enter");
  await terminal.prompt();
});
