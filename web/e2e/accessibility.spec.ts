/**
 * Accessibility, checked by axe in every theme with everything open, and keyboard navigation.
 */

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { fill } from "./firefox.ts";
import { test } from "./stack.ts";
import { prefers, TerminalPage } from "./terminal-page.ts";

async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.html}`));
}

for (const theme of ["dark", "light", "contrast"] as const) {
  test(`axe finds no violation in the theme ${theme}`, async ({ page, stack }) => {
    await prefers(page, { theme, screenReader: true });
    const terminal = new TerminalPage(page);
    await terminal.open(stack.url);
    await expect(page.locator(`.tg[data-theme=${theme}]`)).toBeVisible();
    await terminal.run(
      "for i in 1 2 3 4 5 6 7; do printf '\\e[3%dm colour %d \\e[9%dm bright\\e[0m\\n' $i $i $i; done",
    );
    await terminal.newTerminal();
    const shown = page.locator(".panel:not([hidden])");
    await shown.locator(".tg-latency").click();
    expect(await violations(page), "the terminal").toEqual([]);
    await shown.getByRole("button", { name: "Chat" }).click();
    await fill(page.getByRole("textbox", { name: "Message" }), "hello");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("log")).toContainText("hello");
    await shown.locator(".xterm-screen").click();
    await terminal.press("Control+Shift+F");
    await fill(page.getByLabel("Find in the terminal"), "no such text");
    await page.getByLabel("Settings").click();
    expect(await violations(page), "find, chat and settings").toEqual([]);
    await shown.locator(".xterm-screen").click();
    await terminal.startReader("cat");
    await terminal.paste("one\ntwo\n");
    await expect(page.getByRole("dialog")).toBeVisible();
    expect(await violations(page), "the paste dialog").toEqual([]);
    await terminal.screenshot(`theme-${theme}`);
  });
}

test("the theme follows the preferences for colours and contrast", { tag: "@chromium" }, async ({ page, stack }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const background = () => page.evaluate(() => window.termgate?.terminal?.options.theme?.background);
  await expect.poll(background).toBe("#0d1117");
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(background).toBe("#ffffff");
  await page.emulateMedia({ colorScheme: "light", contrast: "more" });
  await expect.poll(background).toBe("#000000");
});

test("every control is reachable by keyboard, with a visible focus", async ({ terminal: { page } }) => {
  const ring = () => page.locator(".tg-stage").evaluate((stage) => getComputedStyle(stage, "::after").boxShadow);
  const focused = await ring();
  await page.getByRole("tab").focus();
  await expect.poll(ring).not.toBe(focused);
  const names: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    await page.keyboard.press("Tab");
    names.push(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? ""));
    const outline = await page.evaluate(
      () => document.activeElement && getComputedStyle(document.activeElement).outlineStyle,
    );
    if (at < 2) expect(outline).toBe("solid");
  }
  expect(names).toEqual(["New terminal", "Settings", "Terminal input"]);
  // Tab goes to the shell, so another key leaves the terminal.
  await page.keyboard.press("Control+Shift+L");
  await expect(page.getByLabel("Share a read-only link")).toBeFocused();
});
