/**
 * Pages with a strict Content-Security-Policy.
 */

import { expect } from "@playwright/test";
import { serveWithPolicy } from "./content-security-policy.ts";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

test("a page whose policy allows styles with a nonce shows the terminal in its colours", async ({ page, stack }) => {
  await serveWithPolicy(page, "'self' 'nonce-abc'", "abc");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("printf '\\033[38;2;10;200;30mgreen\\033[m \\033[1mbold\\033[m\\n'");
  const green = page.locator(".xterm-rows span", { hasText: /^green/ }).last();
  expect(await green.getAttribute("style")).toMatch(/color/);
  expect(await green.evaluate((element) => getComputedStyle(element).color)).not.toBe("rgb(31, 35, 40)");
  expect(await page.locator(".xterm-helpers").evaluate((element) => getComputedStyle(element).position)).toBe(
    "absolute",
  );
  expect(terminal.problems).toEqual([]);
  // Playwright adds a style for it, which the policy blocks.
  await terminal.screenshot("policy");
});

test("a page whose policy blocks the terminal's styles says that it cannot be shown", async ({ page, stack }) => {
  await serveWithPolicy(page, "'self'");
  await visit(page, stack.url);
  await expect(page.getByText("The terminal cannot be shown here.")).toBeVisible();
});
