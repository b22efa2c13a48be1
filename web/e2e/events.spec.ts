/**
 * Events of real sessions, on their way through the receiver to the page that shows them.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { prefer } from "./firefox.ts";
import { freePort, test } from "./stack.ts";
import { PHONE, TerminalPage } from "./terminal-page.ts";

const RECEIVER = join(import.meta.dirname, "../app/receiver.mjs");
const READ_KEY = "the key to read events";

let receiver: ChildProcess | undefined;
test.afterEach(() => receiver?.kill());

/** Starts the receiver for pages of this origin; returns its address. */
async function startReceiver(port: number, secret: string, origin: string): Promise<string> {
  const settings = {
    EVENTS_SECRET: secret,
    EVENTS_READ_KEY: READ_KEY,
    EVENTS_PORT: String(port),
    EVENTS_ORIGINS: origin,
  };
  receiver = spawn(process.execPath, [RECEIVER], { env: settings, stdio: "inherit" });
  const url = `http://127.0.0.1:${port}`;
  const status = () =>
    fetch(`${url}/events`).then(
      (answer) => answer.status,
      () => 0,
    );
  await expect.poll(status, { message: "the receiver answers, and says nothing without the key" }).toBe(401);
  return url;
}

/** Sends an event that is signed with this key; returns the status of the answer. */
async function send(url: string, key: Buffer, at: number, body: string): Promise<number> {
  const signature = createHmac("sha256", key).update(`evt_1.${at}.${body}`).digest("base64");
  const headers = { "webhook-id": "evt_1", "webhook-timestamp": String(at), "webhook-signature": `v1,${signature}` };
  return (await fetch(`${url}/hook`, { method: "POST", headers, body })).status;
}

test("the page shows what happens in a session, and nothing that is forged", async ({ page, browser, launch }) => {
  const [port, key] = [await freePort(), randomBytes(32)];
  const secret = `whsec_${key.toString("base64")}`;
  const hook = `http://127.0.0.1:${port}/hook`;
  const stack = await launch({ EVENTS_URL: hook, EVENTS_SECRET: secret, EVENTS_COMMAND_LINES: "true" });
  const url = await startReceiver(port, secret, stack.url);
  const terminal = new TerminalPage(page);
  await visit(page, `${stack.url}/?session=told`);
  await terminal.prompt();
  await terminal.type("(exit 7)\n");
  await terminal.shows(/\(exit 7\)\n.*[$#] ?$/);
  await terminal.type("exit 3\n");
  await expect(page.locator("footer.tg-status")).toContainText("Session ended");

  const address = `${stack.url}/events#at=${port}&read=${encodeURIComponent(READ_KEY)}`;
  const problems: string[] = [];
  const shown = await (await browser.newContext()).newPage();
  shown.on("pageerror", (error) => problems.push(error.message));
  await shown.goto(address);
  const rows = shown.locator("tbody tr");
  await expect(rows).toHaveCount(4);
  await expect(rows.nth(0)).toContainText(/session\.ended.*told.*because: exited/);
  await expect(rows.nth(1)).toContainText(/command\.finished.*exit 3: exit code 3/);
  await expect(rows.nth(2)).toContainText(/command\.finished.*\(exit 7\): exit code 7/);
  await expect(rows.nth(3)).toContainText(/session\.started/);
  for (const colorScheme of ["dark", "light"] as const) {
    await prefer(shown, colorScheme);
    await shown.screenshot({ path: `test-results/screenshots/events-${colorScheme}.png` });
    const { violations } = await new AxeBuilder({ page: shown }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  }

  // Another key, an old signature, and one that comes twice.
  const now = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ type: "hand.raised", at: Date.now(), session: "<b>made</b>", user: "eve", data: {} });
  expect(await send(url, randomBytes(32), now, body)).toBe(401);
  expect(await send(url, key, now - 600, body)).toBe(401);
  expect(await send(url, key, now, "x".repeat(100_000))).toBe(413);
  expect([await send(url, key, now, body), await send(url, key, now, body)]).toEqual([204, 204]);
  await expect(rows).toHaveCount(5);
  await expect(rows.first()).toContainText("<b>made</b>");

  const phone = await (await browser.newContext(PHONE)).newPage();
  await phone.goto(address);
  await expect(phone.locator("tbody tr")).toHaveCount(5);
  await phone.screenshot({ path: "test-results/screenshots/events-phone.png" });
  await phone.context().close();
  // Firefox calls a request without an answer an error of the page.
  expect(problems).toEqual([]);
  receiver?.kill();
  await expect(shown.getByText("The receiver does not answer")).toBeVisible();
  await shown.context().close();
});

test("without a receiver the page says how to start one", async ({ page, stack }) => {
  await page.goto(`${stack.url}/events`);
  await expect(page.getByText("EVENTS=true make run")).toBeVisible();
});
