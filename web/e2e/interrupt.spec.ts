/**
 * Ctrl-C where it is hard: under a flood over slow posts, and behind a paste that nobody reads.
 */

import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { startStack, test } from "./stack.ts";

test("Ctrl-C stops a flood at once, although each post takes long", async ({ page }) => {
  const stack = await startStack("--fault", "slow=60");
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    for (const round of ["one", "two"]) {
      await screen.type(`yes flood ${round}`);
      await screen.press("Enter");
      await screen.shows(new RegExp(`(flood ${round}\\n){10}`));
      await screen.press("Control+c");
      const pressed = Date.now();
      await screen.prompt();
      const took = Date.now() - pressed;
      test.info().annotations.push({ type: "prompt back", description: `${took} ms` });
      expect(took).toBeLessThan(2000);
      expect(await screen.run(`echo after ${round}`)).toEqual([`after ${round}`]);
    }
    expect(screen.problems).toEqual([]);
  } finally {
    await stack.stop();
  }
});

test("Ctrl-C gets through behind 20 KB that were pasted into a program that does not read, and none of it runs", async ({
  page,
  stack,
}) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("stty -echo; sleep 1000");
  await screen.press("Enter");
  await expect
    .poll(() => page.evaluate(() => window.termgate?.client.state.tty))
    .toEqual({ echo: false, canonical: true });
  await expect.poll(() => page.evaluate(() => window.termgate?.terminal?.modes.bracketedPasteMode)).toBe(false);
  await screen.paste("touch pasted-and-run\n".repeat(1000));
  await screen.confirmPaste();
  await screen.press("Control+c");
  await screen.prompt();
  await screen.type("stty echo");
  await screen.press("Enter");
  expect(await screen.run("ls pasted-and-run 2>&1 | tail -c 26")).toEqual(["No such file or directory"]);
  expect(screen.problems).toEqual([]);
});

test("a paste that is far too large is refused as a whole, with a sentence", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.paste("x".repeat(20_000_000));
  await expect(page.locator(".tg-detail")).toHaveText(/^20\.0 MB cannot be sent: .* Nothing was sent$/);
  expect(await screen.run("echo well")).toEqual(["well"]);
});

test("vim hears Ctrl-C as a key, in its turn", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("vim -u NONE -N");
  await screen.press("Enter");
  await screen.shows("VIM - Vi IMproved");
  await page.keyboard.type("itext before");
  // vim itself throws away what it has not looked at when it reads Ctrl-C.
  await screen.shows(/text before(.|\n)*-- INSERT --/);
  await screen.press("Control+c");
  await expect.poll(() => screen.text()).not.toContain("INSERT");
  await page.keyboard.type(":s/text/word/");
  await screen.press("Enter");
  await screen.shows("word before");
  await page.keyboard.type(":q!");
  await screen.press("Enter");
  await screen.prompt();
});
