/**
 * Keys, wheel and clipboard of the emulator, as in other terminals.
 */

import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";

async function cell(page: Page, col: number, row: number): Promise<{ x: number; y: number }> {
  const screen = await page.locator(".xterm-screen").boundingBox();
  const size = await page.evaluate(() => ({
    cols: window.termgate?.terminal?.cols ?? 1,
    rows: window.termgate?.terminal?.rows ?? 1,
  }));
  if (!screen) throw new Error("no screen");
  return {
    x: screen.x + ((col + 0.5) * screen.width) / size.cols,
    y: screen.y + ((row + 0.5) * screen.height) / size.rows,
  };
}

const altClick = async (page: Page, col: number, row: number) => {
  const { x, y } = await cell(page, col, row);
  await page.keyboard.down("Alt");
  await page.mouse.click(x, y);
  await page.keyboard.up("Alt");
};

test("Alt-click moves the cursor at the prompt, and types nothing into cat", async ({ page, terminal }) => {
  await terminal.type("echo bc");
  await terminal.shows("echo bc");
  const prompt = (await terminal.rows()).at(-1) ?? "";
  await altClick(page, prompt.indexOf("bc"), (await terminal.rows()).length - 1);
  await terminal.type("a");
  await terminal.shows("echo abc");
  await terminal.press("Enter");
  await terminal.shows(/^abc$/m);
  await terminal.prompt();
  await terminal.startReader("cat");
  await altClick(page, 20, 3);
  await terminal.type("end\n");
  await terminal.shows(/^end\nend$/m);
  expect(await terminal.text()).not.toContain("^[");
  await terminal.press("Control+c");
});

test("the wheel scrolls less by as many lines as it was turned", async ({ page, terminal }) => {
  await terminal.type("seq 1 500 | less");
  await terminal.press("Enter");
  await terminal.shows(/^1\n2\n/);
  const { x, y } = await cell(page, 5, 5);
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, 120);
  const height = (await page.locator(".xterm-screen").boundingBox())?.height ?? Number.NaN;
  const lines = Math.floor((120 * (await terminal.size()).rows) / height);
  await expect.poll(async () => Number((await terminal.rows())[0])).toBe(1 + lines);
  await page.mouse.wheel(0, -120);
  await expect.poll(async () => Number((await terminal.rows())[0])).toBe(1);
  await terminal.press("q");
});

test("the view follows output again once the scrollback is erased", async ({ page, terminal }) => {
  const bottom = () =>
    page.evaluate(() => {
      const buffer = window.termgate?.terminal?.buffer.active;
      return buffer?.baseY === buffer?.viewportY;
    });
  for (const erase of ["printf '\\e[3J'; seq 1 300", "printf '\\e[H\\e[2J\\e[3J'; seq 1 300"]) {
    await terminal.run("seq 1 300");
    await terminal.type(`read -rsn 1; ${erase}`);
    await terminal.press("Enter");
    await terminal.shows("seq 1 300");
    await page.evaluate(() => window.termgate?.terminal?.scrollLines(-100));
    expect(await bottom()).toBe(false);
    // A key that the emulator does not see: a key of its own follows the output again.
    await page.evaluate(() => window.termgate?.client.input("x"));
    await expect.poll(bottom).toBe(true);
    await terminal.shows(/\n300\n/);
  }
  await terminal.run("seq 1 300");
  await page.evaluate(() => window.termgate?.terminal?.scrollLines(-100));
  await page.getByLabel("More").click();
  await page.getByRole("button", { name: "Clear scrollback" }).click();
  await terminal.page.locator(".xterm-screen").click();
  await terminal.type("seq 1 300");
  await terminal.press("Enter");
  await terminal.shows(/\n300\n/);
  await expect.poll(bottom).toBe(true);
});

test("a program copies also without padding, and to several clipboards", { tag: "@chromium" }, async ({
  page,
  terminal,
}) => {
  await terminal.addons();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  for (const [selection, base64, text] of [
    ["c", "dW5wYWRkZWQ", "unpadded"],
    ["pc", "c2V2ZXJhbA==", "several"],
    ["", "w6TDtsO8IOa8og", "äöü 漢"],
    ["cs0", "YWxs", "all"],
  ]) {
    await terminal.run(`printf '\\e]52;${selection};${base64}\\a'`);
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(text);
  }
  await terminal.run("printf '\\e]52;p;bm90\\a'; printf '\\e]52;c;***\\a'");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("all");
});
