/**
 * A picture of each state, light and dark, wide and on a phone: for eyes. Nothing of it may leave the window.
 */

import { expect, type Page, type WebSocketRoute } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { prefer } from "./firefox.ts";
import { test } from "./stack.ts";
import { TerminalPage, withoutFallback } from "./terminal-page.ts";

const state = (page: Page) => page.locator("footer.tg-status");

/** Takes the four pictures. */
async function pictures(page: Page, name: string): Promise<void> {
  for (const [width, height] of [
    [1000, 640],
    [390, 700],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["dark", "light"] as const) {
      const shown = await prefer(page, colorScheme);
      await expect(page.locator(`html[data-theme=${shown}]`)).toBeVisible();
      await page.screenshot({ path: `test-results/screenshots/state-${name}-${colorScheme}-${width}.png` });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${name} fits into ${width} px`).toBeLessThanOrEqual(width);
    // Two rows of controls at most, and one of words.
    const footer = await state(page).boundingBox();
    expect(footer?.height, `${name}: the status line at ${width} px`).toBeLessThanOrEqual(96);
  }
}

/** Opens the page with a gateway that says only this on each connection. */
async function openOn(page: Page, url: string, answer: (socket: WebSocketRoute) => void): Promise<void> {
  await withoutFallback(page);
  await page.routeWebSocket(/\/prod/, answer);
  await visit(page, url);
}

test("connecting", async ({ page, stack }) => {
  await openOn(page, stack.url, () => {});
  await expect(state(page)).toContainText("Connecting…");
  await pictures(page, "connecting");
});

test("refused: too many connections", async ({ page, stack }) => {
  const frame = { type: "error", code: "LIMIT_REACHED", message: "You have as many as allowed.", retryable: true };
  await openOn(page, stack.url, (socket) => socket.onMessage(() => socket.send(JSON.stringify(frame))));
  await expect(state(page)).toContainText("Too many terminals are open. Close one, and try again");
  await pictures(page, "limit");
});

test("refused: the token has expired", async ({ page, stack }) => {
  await page.goto(stack.address("states-expired", { sub: "ada", sid: "states-expired", exp: 1_700_000_000 }));
  await expect(state(page)).toContainText("Your access has expired");
  await pictures(page, "refused");
});

test("connected, and reconnecting", async ({ page, launch }) => {
  await withoutFallback(page);
  const stack = await launch({}, "--fault", "none");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("ls --color=always -d / /etc /bin");
  await pictures(page, "connected");
  await stack.faults("refuse=1");
  await stack.cut("abort");
  await expect(state(page)).toContainText("The terminal cannot be reached at the moment", { timeout: 45_000 });
  await pictures(page, "reconnecting");
});

test("ended", async ({ page, terminal }) => {
  await terminal.type("exit 3\n");
  await expect(state(page)).toContainText("the shell exited with 3");
  await pictures(page, "ended");
});

test("waiting, and then a viewer", async ({ page, context, stack }) => {
  const session = `states-${crypto.randomUUID().slice(0, 8)}`;
  const viewer = new TerminalPage(await context.newPage());
  await viewer.page.goto(stack.address(session, { sub: "ada", sid: session, role: "viewer" }));
  await expect(state(viewer.page)).toContainText("Waiting for the session to start");
  await pictures(viewer.page, "waiting");
  const owner = new TerminalPage(page);
  await owner.page.goto(stack.address(session, { sub: "ada", sid: session }));
  await owner.prompt();
  await owner.type("echo hello\n");
  await viewer.shows(/^hello$/m);
  await pictures(viewer.page, "viewer");
});
