/**
 * A phone: the size of controls.
 */

import { type BrowserContextOptions, expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true };

/** Names and sizes of the shown controls that are too small for a finger. */
function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("button, select, label, input:not([type=checkbox])")]
      .map((control) => ({ control, box: control.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 1 && (box.width < 44 || box.height < 44))
      .map(({ control, box }) => `${control.outerHTML.slice(0, 80)} ${box.width}×${box.height}`),
  );
}

test("every control is large enough for a finger", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(await tooSmall(page)).toEqual([]);
  await page.getByLabel("New terminal").tap();
  await expect(page.getByRole("tab")).toHaveCount(2);
  await terminal.prompt();
  expect(await tooSmall(page)).toEqual([]);
  const shown = page.locator(".panel:not([hidden])");
  for (const name of ["Settings", "Share a read-only link", "Chat", "More"]) {
    const button = (name === "Settings" ? page : shown).getByLabel(name, { exact: true });
    await button.tap();
    expect(await tooSmall(page), name).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
    await terminal.screenshot(`phone-${name.split(" ")[0]?.toLowerCase()}`);
    const close = page.getByRole("button", { name: /^Close( the chat)?$/ });
    if (await close.isVisible()) await close.tap();
    else await page.keyboard.press("Escape");
  }
  await shown.getByLabel("More", { exact: true }).tap();
  await page.getByRole("button", { name: "Find" }).tap();
  await expect(page.getByLabel("Find in the terminal")).toBeVisible();
  expect(await tooSmall(page), "find").toEqual([]);
  await terminal.screenshot("phone-find");
  await page.getByLabel("Close find").tap();
  await terminal.type("cat");
  await terminal.press("Enter");
  const bracketed = () => page.evaluate(() => window.termgate?.terminal?.modes.bracketedPasteMode);
  await expect.poll(bracketed, { message: "cat reads" }).toBe(false);
  await terminal.paste("one\ntwo\n");
  await expect(page.getByRole("dialog")).toBeVisible();
  expect(await tooSmall(page), "paste").toEqual([]);
  await terminal.screenshot("phone-paste");
  await context.close();
});
