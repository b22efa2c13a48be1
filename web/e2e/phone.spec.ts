/**
 * A phone: the size of controls, and fingers on the terminal.
 */

import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { finger, PHONE, TerminalPage } from "./terminal-page.ts";

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

const view = (page: Page) =>
  page.evaluate(() => {
    const buffer = window.termgate?.terminal?.buffer.active;
    return (buffer?.baseY ?? 0) - (buffer?.viewportY ?? 0);
  });

test("a drag scrolls with momentum, in the shell and in less", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("seq 1 500");
  expect(await view(page)).toBe(0);
  await finger(page, [150, 150], [150, 450]);
  const dragged = 300 / 17;
  // It goes on after the finger was lifted, and stops by itself.
  await expect.poll(() => view(page)).toBeGreaterThan(dragged + 5);
  const still = async () => {
    const before = await view(page);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
    return (await view(page)) === before;
  };
  await expect.poll(still).toBe(true);
  expect(await page.evaluate(() => [window.scrollY, document.documentElement.scrollTop])).toEqual([0, 0]);
  await terminal.screenshot("phone-scrolled");
  await terminal.type("seq 1 500 | less");
  await terminal.press("Enter");
  await terminal.shows(/^1\n2\n/);
  await finger(page, [150, 450], [150, 150]);
  await expect.poll(async () => Number((await terminal.rows())[0])).toBeGreaterThan(dragged);
  await terminal.press("q");
  await context.close();
});

test("a long press selects a word, goes on with the finger, and can be copied", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("echo first/word second third");
  const place = async (text: string): Promise<[number, number]> => {
    const rows = await terminal.rows();
    const row = rows.findIndex((line) => line.startsWith("first/word"));
    const screen = await page.locator(".xterm-screen").boundingBox();
    const { cols, rows: count } = await terminal.size();
    if (!screen) throw new Error("no screen");
    const col = (rows[row] ?? "").indexOf(text) + 2.5;
    return [screen.x + (col * screen.width) / cols, screen.y + ((row + 0.5) * screen.height) / count];
  };
  const selection = () => page.evaluate(() => window.termgate?.terminal?.getSelection());
  const word = await place("first/word");
  await finger(page, word, word, 700, 1);
  await expect.poll(selection).toBe("first/word");
  await finger(page, word, await place("third"), 700);
  await expect.poll(selection).toBe("first/word second thi");
  await terminal.screenshot("phone-selected");
  const keys = page.getByRole("toolbar", { name: "Keys" });
  await keys.getByRole("button", { name: "Copy" }).tap();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("first/word second thi");
  await expect(keys.getByRole("button", { name: "Copy" })).toHaveCount(0);
  for (const name of ["Alt", "Home", "End", "Page up", "Page down", "|", "/"]) {
    await expect(keys.getByRole("button", { name, exact: true })).toBeInViewport({ ratio: 1 });
  }
  await context.close();
});
