/**
 * Viewers, chat, tabs and touch screens.
 */

import { readFileSync } from "node:fs";
import { type Browser, expect, type Page } from "@playwright/test";
import { devToken } from "./dev-token.ts";
import { fill, prefer } from "./firefox.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** The panel of the shown tab. */
const shown = (page: Page) => page.locator(".panel:not([hidden])");

async function linkOf(page: Page): Promise<string> {
  await shown(page).getByLabel("Share a read-only link").click();
  const link = page.getByRole("textbox", { name: "Link" });
  await expect(link).toHaveValue(/#token=/);
  const address = await link.inputValue();
  await expect(page.getByRole("dialog")).toContainText(
    /watch this terminal and chat as “Guest [0-9a-f]{8}”, but not type/,
  );
  await expect(page.getByRole("dialog")).toContainText(/works until \w+ .*\d\d:\d\d/);
  await page.getByRole("button", { name: "Close", exact: true }).click();
  return address;
}

async function watch(browser: Browser, link: string, viewport: { width: number; height: number }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await page.goto(link);
  await expect(page.locator("[data-role=viewer][data-status=connected]")).toBeVisible();
  return { context, page, terminal };
}

test("a viewer sees the whole terminal in any window, and changes nothing", async ({ page, browser, terminal }) => {
  await terminal.run("echo for all to see");
  const size = await terminal.size();
  const viewer = await watch(browser, await linkOf(page), { width: 420, height: 420 });
  await viewer.terminal.shows("for all to see");
  await expect(viewer.page.getByText("Read-only", { exact: true })).toBeVisible();
  for (const viewport of [
    { width: 420, height: 420 },
    { width: 1800, height: 1000 },
  ]) {
    await viewer.page.setViewportSize(viewport);
    const fits = () =>
      viewer.page.evaluate(() => {
        const [drawn, stage] = [".xterm-screen", ".tg-screen"].map((at) =>
          document.querySelector(at)?.getBoundingClientRect(),
        );
        if (!drawn || !stage) return "nothing drawn";
        if (drawn.width > stage.width || drawn.height > stage.height) return "too large";
        return drawn.width > 0.85 * stage.width || drawn.height > 0.85 * stage.height ? "fits" : "too small";
      });
    await expect.poll(fits).toBe("fits");
    await expect.poll(() => viewer.terminal.size()).toEqual(size);
    await viewer.terminal.screenshot(`viewer-${viewport.width}`);
  }
  await viewer.page.locator(".xterm-screen").click();
  await viewer.page.keyboard.type("typed by the viewer\n");
  await viewer.terminal.paste("pasted\nby the viewer\n");
  await expect(viewer.page.getByRole("dialog")).toHaveCount(0);
  // The controller's window sets the size, and the viewer follows.
  await page.setViewportSize({ width: 800, height: 500 });
  const { cols, rows } = await terminal.fitted();
  expect({ cols, rows }).not.toEqual(size);
  await expect.poll(() => viewer.terminal.size()).toEqual({ cols, rows });
  expect(await terminal.run("stty size")).toEqual([`${rows} ${cols}`]);
  expect(await terminal.text()).not.toContain("by the viewer");
  expect(viewer.terminal.problems).toEqual([]);
  await viewer.context.close();
});

test("a viewer who comes before the student waits, and then sees the session", async ({ browser, stack }) => {
  const session = `early-${crypto.randomUUID().slice(0, 8)}`;
  const { token, wsPath } = await devToken(stack.url, `role=viewer&session=${session}`);
  const context = await browser.newContext();
  const early = new TerminalPage(await context.newPage());
  const viewer = early.page;
  await viewer.goto(`${stack.url}/?session=${session}#${new URLSearchParams({ token, at: wsPath })}`);
  await expect(viewer.locator(".tg-state")).toHaveText("Waiting for the session to start");
  await expect(viewer.locator(".tg-waiting")).toHaveText(/^The session has not started yet/);
  await expect(viewer.getByText("Read-only", { exact: true })).toBeVisible();
  await early.screenshot("waiting-for-session");
  const student = new TerminalPage(await (await browser.newContext()).newPage());
  await student.open(`${stack.url}/?session=${session}`);
  await student.run("echo here I am");
  await early.shows("here I am");
  await expect(viewer.locator("[data-role=viewer][data-status=connected]")).toBeVisible();
  await expect(viewer.locator(".tg-waiting")).toHaveCount(0);
  expect(early.sockets).toBe(1);
  expect(early.problems).toEqual([]);
  await student.page.context().close();
  await context.close();
});

test("a guest asks to type, is removed, and is let back in", async ({ page, browser, terminal }) => {
  await terminal.run("echo ready");
  await shown(page).getByLabel("Share a read-only link").click();
  const dialog = page.getByRole("dialog");
  const link = dialog.getByRole("textbox", { name: "Link" });
  await expect(link).toHaveValue(/#token=/);
  const readOnly = await link.inputValue();
  await dialog.getByLabel("They may ask to type").check();
  await expect(dialog).toContainText("watch this terminal and chat as");
  await expect(dialog).toContainText("and type while you allow it");
  await expect(link).not.toHaveValue(readOnly);
  await expect(link).toHaveValue(/#token=/);
  await terminal.screenshot("share-may-ask");
  const address = await link.inputValue();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();

  const guest = await watch(browser, address, { width: 1000, height: 420 });
  await guest.page.getByRole("button", { name: "Ask to type" }).click();
  await page.getByRole("button", { name: "Allow for now" }).click();
  await expect(guest.page.locator(".tg-typing")).toHaveText("You type in this terminal too");
  await guest.page.locator(".xterm-screen").click();
  await guest.page.keyboard.type("echo by-guest-$((40 + 2))\n");
  await terminal.shows("by-guest-42");
  await page.getByRole("button", { name: /Here too/ }).click();
  await page.getByRole("button", { name: /^Remove: / }).click();
  await page.getByRole("button", { name: /^Remove for good: / }).click();
  await expect(guest.page.getByText("Your access to this terminal was ended").first()).toBeVisible();

  await shown(page).getByLabel("Share a read-only link").click();
  const letIn = dialog.getByRole("button", { name: "Let back in" });
  await expect(dialog.getByText(/Removed, and kept out until \w+ .*\d\d:\d\d/)).toBeVisible();
  for (const theme of ["dark", "light"] as const) {
    await prefer(page, theme);
    await terminal.screenshot(`let-back-in-${theme}`);
  }
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 700 });
  await terminal.screenshot("let-back-in-phone");
  await expect(letIn).toBeInViewport({ ratio: 1 });
  if (wide) await page.setViewportSize(wide);
  await guest.page.reload();
  await expect(guest.page.getByText("Your access to this terminal was ended").first()).toBeVisible();
  await letIn.click();
  await expect(dialog).toContainText("Let back in: their link works again");
  await expect(letIn).toHaveCount(0);
  await guest.page.reload();
  await guest.terminal.shows("by-guest-42");
  expect(terminal.problems).toEqual([]);
  await guest.context.close();
});

test("chat messages reach everyone, with a count of unread ones", async ({ terminal: { page }, browser }) => {
  const viewer = await watch(browser, await linkOf(page), { width: 800, height: 500 });
  await page.getByRole("button", { name: "Chat" }).click();
  await fill(page.getByRole("textbox", { name: "Message" }), "look at line 3");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("log")).toContainText("look at line 3");
  await viewer.page.getByRole("button", { name: "Chat, 1 new" }).click();
  await expect(viewer.page.getByRole("log")).toContainText("look at line 3");
  await fill(viewer.page.getByRole("textbox", { name: "Message" }), "I see");
  await viewer.page.keyboard.press("Enter");
  await expect(page.getByRole("log")).toContainText(/Guest [0-9a-f]{8} .*I see/s);
  await viewer.context.close();
});

test("tabs keep their shells, also after a reload, until closed", async ({ page, terminal }) => {
  await terminal.run("where=first; seq 1 100");
  await terminal.newTerminal();
  await terminal.run("where=second");
  const second = page.url();
  await page.getByRole("tab").first().click();
  await expect.poll(async () => (await terminal.history()).join("\n")).toContain("99\n100");
  expect(await terminal.run('echo "$where"')).toEqual(["first"]);
  await page.getByRole("tab").first().press("ArrowRight");
  await expect(page.getByRole("tab").last()).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(second);
  await terminal.prompt();
  // A tab that was hidden during a resize gets the new size when shown.
  await page.setViewportSize({ width: 700, height: 500 });
  const { cols } = await terminal.fitted();
  await page.getByRole("tab").first().click();
  await expect.poll(async () => (await terminal.size()).cols).toBe(cols);
  await page.reload();
  await expect(page.getByRole("tab")).toHaveCount(2);
  await terminal.prompt();
  expect(await terminal.run('echo "$where"')).toEqual(["first"]);
  await page.getByRole("tab").last().click();
  await terminal.prompt();
  expect(await terminal.run('echo "$where"')).toEqual(["second"]);
  // With more tabs than fit, the shown one is visible.
  for (let tabs = 3; tabs <= 5; tabs += 1) await terminal.newTerminal();
  await page.setViewportSize({ width: 390, height: 500 });
  await page.getByRole("tab").first().press("Enter");
  await expect(page.getByRole("tab").first()).toBeInViewport({ ratio: 0.9 });
  await expect(page.getByRole("tab").last()).not.toBeInViewport();
  for (let left = 4; left > 0; left -= 1) {
    await page.getByRole("tab").last().press("Enter");
    await expect(page.getByRole("tab").last()).toBeInViewport({ ratio: 0.9 });
    await page.getByLabel("Close this terminal").click();
    // The page may not know that nothing runs in it.
    const yes = page.getByRole("dialog").getByRole("button", { name: "Close" });
    await expect(yes.or(page.locator(`[role="tablist"]:not(:has([role="tab"]:nth-child(${left + 1})))`))).toBeVisible();
    if (await yes.isVisible()) await yes.click();
    await expect(page.getByRole("tab")).toHaveCount(left);
  }
  expect(await terminal.run('echo "$where"')).toEqual(["first"]);
  expect(terminal.problems).toEqual([]);
});

test("a tab that gets its size while it is hidden shows its end", async ({ page, launch }) => {
  // The delay leaves time to hide the tab again.
  const stack = await launch({}, "--fault", "delay=300..300");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("seq 1 100");
  await terminal.newTerminal();
  await page.setViewportSize({ width: 500, height: 400 });
  await terminal.fitted();
  await page.getByRole("tab").first().press("Enter");
  const { rows } = await terminal.size();
  const first = await page.evaluateHandle(() => window.termgate?.terminal);
  await page.getByRole("tab").last().press("Enter");
  await expect.poll(() => first.evaluate((terminal) => terminal?.rows)).toBeLessThan(rows);
  await page.getByRole("tab").first().press("Enter");
  await terminal.prompt();
});

/** Closes the shown one of two tabs. The page asks while it does not know that the shell waits for a command. */
async function closeSecond(page: Page): Promise<void> {
  await page.getByLabel("Close this terminal").click();
  const question = page.getByRole("dialog").getByRole("button", { name: "Close" });
  // The offer of the one before may be shown too.
  const left = page.locator('[role="tablist"]:not(:has([role="tab"]:nth-child(2)))');
  await expect(question.or(left)).toBeVisible();
  if (await question.isVisible()) await question.click();
  await expect(page.getByRole("tab")).toHaveCount(1);
}

test("a terminal with a running program is closed only after a question", async ({ page, terminal }) => {
  await terminal.newTerminal();
  await terminal.type("echo start; sleep 1000\n");
  await terminal.shows(/\nstart$/);
  for (const ask of [
    () => page.getByLabel("Close this terminal").click(),
    () => page.getByRole("tab").last().press("Delete"),
    () => page.getByRole("tab").last().click({ button: "middle" }),
  ]) {
    await ask();
    await expect(page.getByRole("dialog")).toContainText("A program may still be running");
    await terminal.screenshot("close-question");
    await page.getByRole("button", { name: "Keep open" }).click();
    await expect(page.getByRole("dialog")).toHaveCount(0);
  }
  await expect(page.getByRole("tab")).toHaveCount(2);
  await terminal.shows(/\nstart$/);
  await page.getByLabel("Close this terminal").click();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("tab")).toHaveCount(1);
  expect(terminal.problems).toEqual([]);
});

test("the closing of a tab can be taken back for a moment, and then its session ends", async ({ page, stack }) => {
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("here=first");
  await terminal.newTerminal();
  await terminal.run("here=second");
  const undo = page.getByRole("button", { name: /Undo closing of 2:/ });
  await page.getByRole("tab").first().press("Enter");
  await page.getByRole("tab").last().press("Enter");
  await closeSecond(page);
  await terminal.screenshot("undo-close");
  await undo.press("Enter");
  await expect(page.getByRole("tab")).toHaveCount(2);
  await expect(page.getByRole("tab").last()).toHaveAttribute("aria-selected", "true");
  expect(await terminal.run('echo "$here"'), "the same shell").toEqual(["second"]);
  await expect(undo).toHaveCount(0);
  const [shell] = await terminal.run("echo $$");
  // A number may be that of another process later, and then has another time of start.
  const startOf = () => {
    try {
      return readFileSync(`/proc/${shell}/stat`, "utf8").split(" ")[21];
    } catch {
      return undefined;
    }
  };
  const start = startOf();
  const lives = () => startOf() === start;
  await closeSecond(page);
  expect(lives()).toBe(true);
  expect(await terminal.run('echo "$here"'), "its neighbour is shown").toEqual(["first"]);
  await expect(undo, "after ten seconds").toHaveCount(0, { timeout: 20_000 });
  await expect.poll(lives, { message: "the shell" }).toBe(false);
  expect(terminal.problems).toEqual([]);
});

test("closed terminals leave no listeners or nodes behind", { tag: "@chromium" }, async ({ page, terminal }) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const openAndClose = async () => {
    await terminal.newTerminal();
    await closeSecond(page);
  };
  const metric = async (name: string) => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find((entry) => entry.name === name)?.value ?? Number.NaN;
  };
  // The first terminals load shared resources.
  await openAndClose();
  await openAndClose();
  const before = [await metric("JSEventListeners"), await metric("Nodes")] as const;
  for (let at = 0; at < 4; at += 1) await openAndClose();
  // A terminal has about 40 listeners; the last one may not be collected yet.
  await expect.poll(() => metric("JSEventListeners")).toBeLessThan(before[0] + 60);
  await expect.poll(() => metric("Nodes")).toBeLessThan(before[1] + 600);
});

test("a phone shows touch keys, and enough columns", { tag: "@chromium" }, async ({ browser, stack }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect((await terminal.size()).cols).toBeGreaterThan(35);
  await terminal.type("sleep 1000");
  await terminal.press("Enter");
  await terminal.shows(/sleep 1000\n?$/);
  const keys = page.getByRole("toolbar", { name: "Keys" });
  await keys.getByRole("button", { name: "Control" }).tap();
  await expect(keys.getByRole("button", { name: "Control" })).toHaveAttribute("aria-pressed", "true");
  await terminal.type("c");
  await terminal.prompt();
  await terminal.type("echo up");
  await terminal.press("Enter");
  await terminal.shows(/^up$/m);
  await keys.getByRole("button", { name: "Up", exact: true }).tap();
  await terminal.shows(/echo up\n.*up\n.*echo up/);
  await terminal.press("Control+c");
  await page.evaluate(() => navigator.clipboard.writeText("echo by finger"));
  await keys.getByRole("button", { name: "Paste" }).tap();
  await terminal.shows(/echo by finger\n?$/);
  await terminal.screenshot("telephone");
  await context.close();
});
