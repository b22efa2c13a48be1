/**
 * Explanations that the page gives by itself: errors, ends, sizes, links, and keys that go nowhere.
 */

import { expect, type Page } from "@playwright/test";
import { devToken } from "./dev-token.ts";
import { type Stack, test } from "./stack.ts";
import { TerminalPage, withoutFallback } from "./terminal-page.ts";

/** The address of a session for a page that may only watch. */
async function viewerLink(stack: Stack, session: string): Promise<string> {
  const { token, wsPath } = await devToken(stack.url, `role=viewer&session=${session}`);
  return `${stack.url}/?session=${session}#${new URLSearchParams({ token, at: wsPath })}`;
}

const sessionOf = (page: Page) => new URL(page.url()).searchParams.get("session") ?? "";
const detail = (page: Page) => page.locator(".tg-detail");

/** Names of what reaches beyond the window, or beyond the component. */
function offTheEdge(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll(".tg-status, .tg-status *, .bar *")]
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 1 && (left < -0.5 || right > window.innerWidth + 0.5) && !element.closest(".tab-list");
      })
      .map(({ className, textContent }) => `${className}: ${textContent}`),
  );
}

test("an error is explained in plain words, with the technical side one click away", async ({ page, launch }) => {
  await withoutFallback(page);
  const stack = await launch({}, "--fault", "none");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await stack.faults("refuse=1");
  await stack.cut("abort");
  await expect(detail(page)).toHaveText("The terminal cannot be reached at the moment", { timeout: 30_000 });
  await expect(page.locator("footer")).not.toContainText("ws://");
  await page.getByRole("button", { name: "Details" }).click();
  await expect(page.getByRole("note")).toContainText("CONNECTION_FAILED");
  await expect(page.getByRole("note")).toContainText("ws://127.0.0.1");
  await terminal.screenshot("details");
  await page.setViewportSize({ width: 390, height: 700 });
  await expect.poll(() => offTheEdge(page)).toEqual([]);
  await terminal.screenshot("details-390");
});

test("nothing is off the edge of a window of 390 px", async ({ browser, launch }) => {
  // The warning comes after half of the lifetime; the viewer needs none of the rest.
  const stack = await launch({ SESSION_LIFETIME_SECONDS: "40", SESSION_EXTEND_SECONDS: "40" });
  const context = await browser.newContext({ viewport: { width: 390, height: 700 } });
  const student = new TerminalPage(await context.newPage());
  await student.open(stack.url);
  const viewer = new TerminalPage(await context.newPage());
  await viewer.page.goto(await viewerLink(stack, sessionOf(student.page)));
  await expect(viewer.page.locator("[data-role=viewer][data-status=connected]")).toBeVisible();
  await viewer.page.locator(".xterm-screen").click();
  await viewer.type("x");
  await expect(detail(viewer.page)).toHaveText("You can watch this terminal, but not type in it");
  await expect.poll(() => offTheEdge(viewer.page)).toEqual([]);
  await viewer.screenshot("viewer-typed-390");
  await student.page.bringToFront();
  await expect(detail(student.page)).toHaveText(/^The session will end in \d+ s/);
  await expect(student.page.getByRole("button", { name: "Extend" })).toBeVisible();
  await expect.poll(() => offTheEdge(student.page)).toEqual([]);
  // The status line has only one countdown.
  expect((await student.status()).match(/\d+ s\b/g)).toHaveLength(1);
  await student.screenshot("closing-390");
  await context.close();
});

test("an inactive tab shows that its session has ended", async ({ page, stack }) => {
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("sleep 2; exit\n");
  await terminal.newTerminal();
  await expect(page.getByRole("tab").first()).toContainText("ended");
  await expect(page.getByRole("tab").last()).not.toContainText("ended");
  await terminal.screenshot("ended-tab");
  await page.getByRole("tab").first().click();
  await expect(page).toHaveTitle(/^\(ended\)/);
});

test("a link of a program shows its address before it is followed", async ({ page, terminal }) => {
  await terminal.run("printf '\\e]8;;https://example.org/a?b=c\\e\\\\the manual\\e]8;;\\e\\\\\\n'");
  const row = (await terminal.rows()).indexOf("the manual");
  const screen = await page.locator(".xterm-screen").boundingBox();
  const { rows } = await terminal.size();
  if (!screen) throw new Error("no screen");
  const cell = screen.height / rows;
  await page.mouse.move(screen.x + 3 * cell, screen.y + (row + 0.5) * cell);
  await page.mouse.move(screen.x + 2 * cell, screen.y + (row + 0.5) * cell);
  await expect(page.getByRole("tooltip")).toHaveText(/https:\/\/example\.org\/a\?b=c.*Ctrl-click/s);
  await expect(page.getByRole("tooltip")).toBeInViewport({ ratio: 1 });
  await terminal.screenshot("link");
  await page.mouse.move(screen.x + 300, screen.y + screen.height - 20);
  await expect(page.getByRole("tooltip")).toHaveCount(0);
});

test("a terminal with the size of another window says so", async ({ page, terminal, browser, stack }) => {
  const context = await browser.newContext({ viewport: { width: 600, height: 400 } });
  const other = new TerminalPage(await context.newPage());
  await other.open(`${stack.url}/?session=${sessionOf(page)}`);
  await other.run("echo small");
  const hint = "Sized for another window of this session: type here to fit this one";
  await expect(detail(page)).toHaveText(hint);
  await terminal.screenshot("other-size");
  await terminal.run("echo large");
  await expect(detail(page)).not.toHaveText(hint);
  await expect(detail(other.page)).toHaveText(hint);
  await other.screenshot("other-size-small");
  await context.close();
});

test("a terminal that waits with the focus restyles nothing", { tag: "@chromium" }, async ({ page, terminal }) => {
  for (const cursor of ["0", "1", "5"]) {
    await terminal.run(`printf '\\e[${cursor} q'`);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const restyled = async () => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "RecalcStyleCount")?.value ?? Number.NaN;
    };
    // The fewest of some seconds: other parts may have something to show in one.
    const inOneSecond = async () => {
      const before = await restyled();
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
      return (await restyled()) - before;
    };
    await expect.poll(inOneSecond, { message: `cursor ${cursor}` }).toBeLessThan(5);
  }
});
