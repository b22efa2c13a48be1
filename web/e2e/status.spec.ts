/**
 * The status line: lost connections, announced ends, and slow round trips.
 */

import { expect } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage, withoutFallback } from "./terminal-page.ts";

test("the next attempt is counted down, and can be made at once", async ({ page, launch }) => {
  await withoutFallback(page);
  const stack = await launch({}, "--fault", "none");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("remembered=yes");
  await terminal.press("Enter");
  await stack.faults("refuse=1");
  await stack.cut("abort");
  // A screen reader gets one announcement, without the countdown.
  await expect(page.getByRole("status")).toHaveText("Reconnecting…");
  // Enough time left to click the button.
  await expect(page.locator(".tg-state")).toHaveText(/^(Reconnecting|Offline, next try) in ([6-9]|\d\d) s$/, {
    timeout: 45_000,
  });
  await terminal.screenshot("reconnecting");
  await stack.faults("none");
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(page.locator("[data-status=connected]")).toBeVisible();
  // The terminal has the focus again.
  expect(await terminal.run('echo "<$remembered>"')).toEqual(["<yes>"]);
});

test("an announced end is shown, and can be postponed", async ({ page, launch }) => {
  // The service announces the end after half of the lifetime.
  const stack = await launch({ SESSION_LIFETIME_SECONDS: "40", SESSION_EXTEND_SECONDS: "1800" });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await expect(page.locator(".tg-detail")).toHaveText(/^The session will end in \d+ s: it reaches its time limit$/);
  await terminal.screenshot("closing");
  await page.getByRole("button", { name: "Extend" }).click();
  await expect(page.locator(".tg-left")).toHaveText("29 min left");
  await expect(page.locator(".tg-detail")).not.toHaveText(/will end/);
  expect(await terminal.run("echo still here")).toEqual(["still here"]);
});

test("the end of a session is shown with its reason", async ({ page, launch }) => {
  const settings = { SESSION_LIFETIME_SECONDS: "10", SESSION_MAX_LIFETIME_SECONDS: "10" };
  const stack = await launch(settings);
  await visit(page, stack.url);
  await expect(page.locator(".tg-detail")).toHaveText(/will end/);
  await expect(page.getByRole("button", { name: "Extend" })).toHaveCount(0);
  await expect(page.locator(".tg-state")).toHaveText("Session ended");
  await expect(page.locator(".tg-detail")).toHaveText("its time was up");
  await expect(page.getByRole("status")).toHaveText("Session ended: its time was up");
});

test("a slow round trip names the slowest hop, and is shown by hop", async ({ page, launch }) => {
  const stack = await launch({}, "--fault", "out.delay=400..400");
  const terminal = new TerminalPage(page);
  await terminal.open(`${stack.url}/?pingMs=500`);
  await expect(page.locator(".tg-detail")).toHaveText(/^Slow: the connection takes \d+ of \d+ ms$/);
  await page.getByTitle("There and back").click();
  const hops = page.getByRole("note");
  await expect(hops).toContainText("the connection");
  await expect(hops).toContainText("the gateway");
  await expect(hops).toContainText("the lab machine");
  await terminal.screenshot("slow");
});
