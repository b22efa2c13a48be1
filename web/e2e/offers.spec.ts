/**
 * An instructor's message to the class, and lines that a click types at the prompt.
 */

import { expect } from "@playwright/test";
import { fill, prefer } from "./firefox.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

const CLASS = { grp: "class-7" };

function session(): string {
  return `offer-${crypto.randomUUID().slice(0, 8)}`;
}

/** Clicks once the offer has been there for long enough to be meant. */
async function typeIt({ page }: TerminalPage): Promise<void> {
  const button = page.getByRole("button", { name: "Type it" });
  await expect(button).toBeVisible();
  const since = await page.evaluate(() => performance.now());
  await page.waitForFunction((at) => performance.now() >= at + 500, since);
  await button.click();
}

test("a message reaches the class, and its command waits for a click and for Enter", async ({ browser, stack }) => {
  const group = session();
  const students: TerminalPage[] = [];
  for (const name of ["Ada", "Ben"]) {
    const id = session();
    const context = await browser.newContext({ viewport: { width: 1000, height: 420 } });
    const terminal = new TerminalPage(await context.newPage());
    await terminal.page.goto(stack.address(id, { grp: group, sub: id, name, sid: id }));
    await terminal.prompt();
    students.push(terminal);
  }
  const [ada, ben] = students as [TerminalPage, TerminalPage];
  const wall = await (await browser.newContext({ viewport: { width: 1100, height: 700 } })).newPage();
  const grace = stack.address("", { grp: group, sub: "grace", name: "Grace Hopper", role: "instructor" });
  await wall.goto(grace.replace("/?", "/class?"));
  await expect(wall.locator(".tg-wall-tile")).toHaveCount(2);
  // A region that is not there yet announces nothing of what comes with it.
  for (const { page } of students)
    await expect(page.locator(".tg-offers[aria-live]:empty")).toHaveCSS("display", "grid");
  await wall.getByRole("button", { name: "Message to everyone" }).click();
  await fill(wall.getByLabel("Message to everyone").last(), "Look at <b>this</b>:\nfive minutes left.");
  await fill(wall.getByLabel(/Command to offer/), "echo off''ered");
  await wall.getByRole("button", { name: "Send" }).click();
  await expect(wall.getByText("2 terminals show it")).toBeVisible();
  await wall.screenshot({ path: "test-results/screenshots/offers-wall.png" });

  await ben.type("sleep 1000\n");
  for (const terminal of students) {
    const message = terminal.page.getByRole("article");
    await expect(message).toContainText("Grace Hopper to everyone");
    await expect(message).toContainText("Look at <b>this</b>:\nfive minutes left.");
    await expect(message.locator("code")).toHaveText("echo off''ered");
  }
  for (const theme of ["dark", "light"] as const) {
    await prefer(ada.page, theme);
    await ada.screenshot(`offers-${theme}`);
  }
  await ada.page.setViewportSize({ width: 390, height: 700 });
  await ada.screenshot("offers-phone");
  // The message takes no row of the screen away.
  const [card, screen] = await Promise.all(
    [".tg-offers", ".tg-screen"].map((it) => ada.page.locator(it).boundingBox()),
  );
  expect(card && card.y + card.height).toBeLessThanOrEqual(screen?.y ?? 0);
  await ada.prompt();
  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await ada.page.setViewportSize({ width: 1000, height: 420 });

  // No script clicks for the student.
  const button = ada.page.getByRole("button", { name: "Type it" });
  await button.evaluate((it) => (it as HTMLButtonElement).click());
  await expect(ada.page.getByRole("article")).toHaveCount(1);
  await typeIt(ada);
  await ada.shows(/\$ echo off''ered$/m);
  await expect(ada.page.getByRole("article")).toHaveCount(0);
  await ada.press("Enter");
  await ada.shows(/^offered$/m);

  // A program that runs gets nothing, and the offer stays.
  await typeIt(ben);
  await expect(ben.page.locator(".tg-detail")).toHaveText("Not typed: the prompt is not empty, or a program runs");
  await expect(ben.page.getByRole("article")).toHaveCount(1);
  await ben.press("Control+c");
  await ben.prompt();
  await typeIt(ben);
  await ben.shows(/\$ echo off''ered$/m);
  for (const { page, problems } of students) {
    expect(problems).toEqual([]);
    await page.context().close();
  }
  await wall.context().close();
});

test("a viewer copies an offer and cannot type it", async ({ browser, stack }) => {
  const id = session();
  const owner = await browser.newContext();
  const mine = new TerminalPage(await owner.newPage());
  await mine.page.goto(stack.address(id, { ...CLASS, sub: id, sid: id }));
  await mine.prompt();
  const context = await browser.newContext();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const theirs = new TerminalPage(await context.newPage());
  await theirs.page.goto(stack.address(id, { ...CLASS, sub: "vic", role: "viewer", sid: id }));
  await theirs.prompt();
  for (const { page } of [mine, theirs]) {
    await page.evaluate(() => window.termgate?.handle?.offer("make test"));
    await expect(page.getByRole("article")).toContainText("From the lesson");
  }
  await expect(theirs.page.getByRole("button", { name: "Type it" })).toBeDisabled();
  await theirs.page.getByRole("button", { name: "Copy" }).click();
  await expect(theirs.page.locator(".tg-detail")).toHaveText("Copied");
  expect(await theirs.page.evaluate(() => navigator.clipboard.readText())).toBe("make test");
  await typeIt(mine);
  await theirs.shows(/\$ make test$/m);
  const refused = await mine.page.evaluate(() => {
    try {
      window.termgate?.handle?.offer("ls\nrm x");
      return "";
    } catch (error) {
      return String(error);
    }
  });
  expect(refused).toContain("TypeError");
  await owner.close();
  await context.close();
});
