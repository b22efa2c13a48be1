/**
 * What the line below the terminal says when something goes wrong, gets slow, or comes to its end.
 */

import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { startStack, startStackWith, test } from "./stack.ts";

test("a connection that cannot be made is counted down to, and made at once when somebody asks", async ({ page }) => {
  const stack = await startStack("--fault", "none");
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("remembered=yes");
    await screen.press("Enter");
    await stack.faults("refuse=1");
    await stack.cut("abort");
    // A screen reader hears of it once, and of no second.
    await expect(page.getByRole("status")).toHaveText("Reconnecting…");
    // Long enough that it is the button which connects.
    await expect(page.locator(".tg-state")).toHaveText(/^(Reconnecting|Offline, next try) in ([3-9]|\d\d) s$/, {
      timeout: 45_000,
    });
    await screen.picture("reconnecting");
    await stack.faults("none");
    await page.getByRole("button", { name: "Try now" }).click();
    await expect(page.locator("[data-status=connected]")).toBeVisible();
    // The keyboard is the terminal's again.
    expect(await screen.run('echo "<$remembered>"')).toEqual(["<yes>"]);
  } finally {
    await stack.stop();
  }
});

test("an end that is to come is announced, and moved by who asks", async ({ page }) => {
  const stack = await startStackWith({ SESSION_MAX_SECONDS: "12", SESSION_EXTEND_SECONDS: "1800" });
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await expect(page.locator(".tg-detail")).toHaveText(/^The session will end in \d s: it reaches its time limit$/);
    await screen.picture("closing");
    await page.getByRole("button", { name: "Extend" }).click();
    await expect(page.locator(".tg-left")).toHaveText("29 min left");
    await expect(page.locator(".tg-detail")).toHaveText("");
    expect(await screen.run("echo still here")).toEqual(["still here"]);
  } finally {
    await stack.stop();
  }
});

test("an end that came says why", async ({ page }) => {
  const settings = { SESSION_MAX_SECONDS: "5", SESSION_LONGEST_SECONDS: "5" };
  const stack = await startStackWith(settings);
  try {
    await page.goto(stack.url);
    await expect(page.locator(".tg-detail")).toHaveText(/will end/);
    await expect(page.getByRole("button", { name: "Extend" })).toHaveCount(0);
    await expect(page.locator(".tg-state")).toHaveText("Session ended");
    await expect(page.locator(".tg-detail")).toHaveText("its time was up");
    await expect(page.getByRole("status")).toHaveText("Session ended: its time was up");
  } finally {
    await stack.stop();
  }
});

test("a slow way is blamed on the hop that is slow, and shown by hop", async ({ page }) => {
  const stack = await startStack("--fault", "out.delay=400..400");
  try {
    const screen = new Screen(page);
    await screen.open(`${stack.url}/?pingMs=500`);
    await expect(page.locator(".tg-detail")).toHaveText(/^Slow: your network takes \d+ of \d+ ms$/);
    await page.getByTitle("There and back").click();
    const hops = page.getByRole("note");
    await expect(hops).toContainText("your network");
    await expect(hops).toContainText("the gateway");
    await expect(hops).toContainText("the lab machine");
    await screen.picture("slow");
  } finally {
    await stack.stop();
  }
});
