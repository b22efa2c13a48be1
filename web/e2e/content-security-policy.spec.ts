/**
 * Pages with a strict Content-Security-Policy.
 */

import { expect, type Page } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** The scripts of a static export are inline. */
const SCRIPTS = "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self' ws: http:";

/** Serves the page with a policy for styles, and with a nonce if the page knows one. */
async function serve(page: Page, styles: string, nonce?: string): Promise<void> {
  await page.route("**/", async (route) => {
    const response = await route.fetch();
    const meta = nonce ? `<meta property="csp-nonce" nonce="${nonce}">` : "";
    const body = (await response.text()).replace("<head>", `<head>${meta}`);
    const headers = { ...response.headers(), "content-security-policy": `${SCRIPTS}; style-src ${styles}` };
    await route.fulfill({ response, headers, body });
  });
}

test("a page whose policy allows styles with a nonce shows the terminal in its colours", async ({ page, stack }) => {
  await serve(page, "'self' 'nonce-abc'", "abc");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("printf '\\033[38;2;10;200;30mgreen\\033[m \\033[1mbold\\033[m\\n'");
  await terminal.screenshot("policy");
  const green = page.locator(".xterm-rows span", { hasText: /^green/ }).last();
  expect(await green.getAttribute("style")).toMatch(/color/);
  expect(await green.evaluate((element) => getComputedStyle(element).color)).not.toBe("rgb(31, 35, 40)");
  expect(await page.locator(".xterm-helpers").evaluate((element) => getComputedStyle(element).position)).toBe(
    "absolute",
  );
  expect(terminal.problems).toEqual([]);
});

test("a page whose policy blocks the terminal's styles says that it cannot be shown", async ({ page, stack }) => {
  await serve(page, "'self'");
  await visit(page, stack.url);
  await expect(page.getByText("The terminal cannot be shown here.")).toBeVisible();
});
