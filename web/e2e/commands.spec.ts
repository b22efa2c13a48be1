/**
 * Marks of the shell's commands: bars by exit code, jumps from prompt to prompt, and a command's output in the menu.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { prefers, TerminalPage } from "./terminal-page.ts";

test("commands are marked, and the keyboard goes from one to the other", async ({ context, page, stack }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await prefers(page, { marksCommands: true });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const bars = page.locator(".xterm-decoration");
  const titles = () => bars.evaluateAll((all) => all.map((bar) => (bar as HTMLElement).title));
  await terminal.type("true");
  await terminal.press("Enter");
  await expect.poll(titles).toContainEqual(expect.stringMatching(/^Exit code 0, after /));
  await terminal.prompt();
  await terminal.type("seq 60; false");
  await terminal.press("Enter");
  await terminal.shows("60");
  await terminal.prompt();
  const view = () => page.evaluate(() => window.termgate?.terminal?.buffer.active.viewportY ?? -1);
  const bottom = await view();
  await page.keyboard.press("Control+ArrowUp");
  await expect.poll(async () => (await terminal.rows())[0]).toContain("seq 60; false");
  // xterm.js makes a bar when its line is first seen, and the command may have scrolled away before that.
  await expect.poll(titles).toContainEqual(expect.stringMatching(/^Exit code 1, after /));
  await page.keyboard.press("Control+ArrowDown");
  await expect.poll(view).toBe(bottom);
  await page.mouse.click(...(await terminal.place(3, 1)), { button: "right" });
  await page.getByRole("menuitem", { name: "Copy command output" }).click();
  const lines = Array.from({ length: 60 }, (_, index) => String(index + 1));
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(lines.join("\n"));
  expect(terminal.problems).toEqual([]);
});
