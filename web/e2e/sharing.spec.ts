/**
 * Several terminals in one page, and one terminal for several people.
 */

import { type Browser, expect, type Page } from "@playwright/test";
import { Screen } from "./screen.ts";
import { test } from "./stack.ts";

/** What belongs to the tab that is shown. */
const shown = (page: Page) => page.locator(".panel:not([hidden])");

async function linkOf(page: Page): Promise<string> {
  await shown(page).getByLabel("Share a read-only link").click();
  const link = page.getByRole("textbox", { name: "Link" });
  await expect(link).toHaveValue(/#token=/);
  const address = await link.inputValue();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  return address;
}

async function watch(browser: Browser, link: string, viewport: { width: number; height: number }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const screen = new Screen(page);
  await page.goto(link);
  await expect(page.locator("[data-role=viewer][data-status=connected]")).toBeVisible();
  return { context, page, screen };
}

test("a viewer sees all of it in a window of any size, and changes nothing", async ({ page, browser, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.run("echo for all to see");
  const size = await screen.size();
  const viewer = await watch(browser, await linkOf(page), { width: 420, height: 420 });
  await viewer.screen.shows("for all to see");
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
    await expect.poll(() => viewer.screen.size()).toEqual(size);
    await viewer.screen.picture(`viewer-${viewport.width}`);
  }
  await viewer.page.locator(".xterm-screen").click();
  await viewer.page.keyboard.type("typed by the viewer\n");
  await viewer.screen.paste("pasted\nby the viewer\n");
  await expect(viewer.page.getByRole("dialog")).toHaveCount(0);
  // The owner's window still decides, and the viewer follows.
  await page.setViewportSize({ width: 800, height: 500 });
  await expect.poll(() => screen.size()).not.toEqual(size);
  await expect.poll(() => viewer.screen.size()).toEqual(await screen.size());
  const { cols, rows } = await screen.size();
  expect(await screen.run("stty size")).toEqual([`${rows} ${cols}`]);
  expect(await screen.text()).not.toContain("by the viewer");
  expect(viewer.screen.problems).toEqual([]);
  await viewer.context.close();
});

test("people in a session talk, and who does not look sees that somebody did", async ({ page, browser, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const viewer = await watch(browser, await linkOf(page), { width: 800, height: 500 });
  await page.getByRole("button", { name: "Chat" }).click();
  await page.getByRole("textbox", { name: "Message" }).fill("look at line 3");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("log")).toContainText("look at line 3");
  await viewer.page.getByRole("button", { name: "Chat, 1 new" }).click();
  await expect(viewer.page.getByRole("log")).toContainText("look at line 3");
  await viewer.page.getByRole("textbox", { name: "Message" }).fill("I see");
  await viewer.page.keyboard.press("Enter");
  await expect(page.getByRole("log")).toContainText("I see");
  await viewer.context.close();
});

test("tabs keep their shells, also over a reload, and one that is closed leaves nothing", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.run("where=first; seq 1 100");
  await page.getByLabel("New terminal").click();
  await expect(page.getByRole("tab")).toHaveCount(2);
  await screen.prompt();
  await screen.run("where=second");
  const second = page.url();
  await page.getByRole("tab").first().click();
  await expect.poll(async () => (await screen.history()).join("\n")).toContain("99\n100");
  expect(await screen.run('echo "$where"')).toEqual(["first"]);
  await page.getByRole("tab").first().press("ArrowRight");
  await expect(page.getByRole("tab").last()).toBeFocused();
  await page.keyboard.press("Enter");
  await screen.prompt();
  expect(page.url()).toBe(second);
  // Resized while it was hidden, it has the size of the window when it is shown.
  const wide = await screen.size();
  await page.setViewportSize({ width: 700, height: 500 });
  await expect.poll(() => screen.size()).not.toEqual(wide);
  const { cols } = await screen.size();
  await page.getByRole("tab").first().click();
  await expect.poll(async () => (await screen.size()).cols).toBe(cols);
  await page.reload();
  await expect(page.getByRole("tab")).toHaveCount(2);
  await screen.prompt();
  expect(await screen.run('echo "$where"')).toEqual(["first"]);
  await page.getByRole("tab").last().click();
  await screen.prompt();
  expect(await screen.run('echo "$where"')).toEqual(["second"]);
  // More than there is room for: the one shown is in sight.
  for (let tabs = 3; tabs <= 5; tabs += 1) {
    await page.getByLabel("New terminal").click();
    await expect(page.getByRole("tab")).toHaveCount(tabs);
    await screen.prompt();
  }
  await page.setViewportSize({ width: 390, height: 500 });
  await page.getByRole("tab").first().press("Enter");
  await expect(page.getByRole("tab").first()).toBeInViewport({ ratio: 0.9 });
  await expect(page.getByRole("tab").last()).not.toBeInViewport();
  for (let left = 4; left > 0; left -= 1) {
    await page.getByRole("tab").last().press("Enter");
    await expect(page.getByRole("tab").last()).toBeInViewport({ ratio: 0.9 });
    await page.getByLabel("Close this terminal").click();
    await expect(page.getByRole("tab")).toHaveCount(left);
  }
  expect(await screen.run('echo "$where"')).toEqual(["first"]);
  expect(screen.problems).toEqual([]);
});

test("terminals that come and go leave no listener and no node behind", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const openAndClose = async () => {
    await page.getByLabel("New terminal").click();
    await expect(page.getByRole("tab")).toHaveCount(2);
    await screen.prompt();
    await page.getByLabel("Close this terminal").click();
    await expect(page.getByRole("tab")).toHaveCount(1);
  };
  const left = async (name: string) => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  };
  // The first ones load what is kept for all.
  await openAndClose();
  await openAndClose();
  const before = [await left("JSEventListeners"), await left("Nodes")] as const;
  for (let at = 0; at < 4; at += 1) await openAndClose();
  // One terminal has about forty listeners; the last one may not have been swept yet.
  await expect.poll(() => left("JSEventListeners")).toBeLessThan(before[0] + 60);
  await expect.poll(() => left("Nodes")).toBeLessThan(before[1] + 600);
});

test("on a telephone there is a row of keys, and room for the terminal", async ({ browser, stack }) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const screen = new Screen(page);
  await screen.open(stack.url);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect((await screen.size()).cols).toBeGreaterThan(35);
  await screen.type("sleep 1000");
  await screen.press("Enter");
  await screen.shows(/sleep 1000\n?$/);
  const keys = page.getByRole("toolbar", { name: "Keys" });
  await keys.getByRole("button", { name: "Control" }).tap();
  await expect(keys.getByRole("button", { name: "Control" })).toHaveAttribute("aria-pressed", "true");
  await screen.type("c");
  await screen.prompt();
  await screen.type("echo up");
  await screen.press("Enter");
  await screen.shows(/^up$/m);
  await keys.getByRole("button", { name: "Up" }).tap();
  await screen.shows(/echo up\n.*up\n.*echo up/);
  await screen.press("Control+c");
  await page.evaluate(() => navigator.clipboard.writeText("echo by finger"));
  await keys.getByRole("button", { name: "Paste" }).tap();
  await screen.shows(/echo by finger\n?$/);
  await screen.picture("telephone");
  await context.close();
});
