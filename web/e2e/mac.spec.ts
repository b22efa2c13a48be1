/**
 * A page on a Mac, whose bundle has a `process` as Next.js makes it.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** The modifier bit of Option. */
const ALT = 1;

test.beforeEach(async ({ page, stack }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, "platform", { get: () => "MacIntel" }));
  await new TerminalPage(page).open(stack.url);
});

test("Option types the characters of a German keyboard", { tag: "@chromium" }, async ({ page }) => {
  const terminal = new TerminalPage(page);
  const keyboard = await page.context().newCDPSession(page);
  await terminal.type("echo ");
  for (const text of "@[]{}|~€") {
    const key = { modifiers: ALT, key: text, code: "KeyL" };
    await keyboard.send("Input.dispatchKeyEvent", { type: "keyDown", ...key, text });
    await keyboard.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  }
  await terminal.shows("echo @[]{}|~€");
});

test("Cmd-A selects everything", async ({ page }) => {
  const terminal = new TerminalPage(page);
  await terminal.press("Meta+a");
  await expect.poll(() => page.evaluate(() => window.termgate?.terminal?.hasSelection())).toBe(true);
});

test("a setting makes Option the Meta key", async ({ page }) => {
  const terminal = new TerminalPage(page);
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Option is Meta").check();
  await page.keyboard.press("Escape");
  await page.locator(".xterm-screen").click();
  await terminal.type("echo one two");
  await terminal.press("Alt+b");
  await terminal.type("x");
  await terminal.shows("echo one xtwo");
});
