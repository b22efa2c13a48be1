/**
 * A network that blocks WebSockets: the page goes on over HTTP requests, and moves back once a WebSocket works.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage, wrapped } from "./terminal-page.ts";

const route = (terminal: TerminalPage) => terminal.page.evaluate(() => window.termgate?.client.state.route);

test("a page whose handshakes are refused types over HTTP and moves back", async ({ page, launch }) => {
  const stack = await launch({}, "--fault", "refuse=1");
  const terminal = new TerminalPage(page);
  // A round trip that was slow once would take the place of the sentence until the next one.
  await terminal.open(`${stack.url}/?probeMs=1000&pingMs=1000`);
  expect(await route(terminal)).toBe("http");
  await expect(page.locator("footer.tg-status")).toContainText("Connected");
  expect(await terminal.run("echo over $((40 + 2))")).toEqual(["over 42"]);
  expect((await terminal.run("seq 1 20000 | tail -1", 20_000)).at(-1)).toBe("20000");
  await terminal.screenshot("over-http");
  await expect(page.locator("footer.tg-status")).toContainText("this network blocks the short one");
  // Moves back while the user types.
  await terminal.startReader("cat");
  await stack.faults("none");
  const keys = Array.from({ length: 150 }, (_, at) => String.fromCharCode(97 + (at % 26))).join("");
  await page.keyboard.type(keys, { delay: 40 });
  await terminal.press("Enter");
  await expect.poll(() => route(terminal)).toBe("websocket");
  await terminal.shows(new RegExp(`${wrapped(keys)}\\s+${wrapped(keys)}`));
  await expect(page.locator("footer.tg-status")).not.toContainText("this network blocks");
  // And over HTTP again once they are blocked again.
  await stack.faults("refuse=1");
  await stack.cut("abort");
  await expect.poll(() => route(terminal), { timeout: 30_000 }).toBe("http");
  await terminal.press("Control+d");
  await terminal.prompt();
  expect(await terminal.run("echo still the $((1))st shell")).toEqual(["still the 1st shell"]);
});

test("a page whose WebSockets open and are cut at once goes on over HTTP", async ({ page, stack }) => {
  await page.routeWebSocket(/./, (socket) => void socket.close({ code: 1006 }));
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(await route(terminal)).toBe("http");
  expect(await terminal.run("echo $((40 + 2))")).toEqual(["42"]);
});

test("a page over HTTP hears that its service is replaced, and goes on with the next one", async ({ page, launch }) => {
  const stack = await launch({});
  await page.routeWebSocket(/./, (socket) => void socket.close({ code: 1006 }));
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(await route(terminal)).toBe("http");
  await page.evaluate(() => {
    const told: string[] = [];
    window.termgate?.client?.onError((error) => told.push(error.message));
    Object.assign(window, { told });
  });
  await stack.stopService();
  const told = () => page.evaluate(() => (window as unknown as { told: string[] }).told.join("\n"));
  await expect.poll(told).toMatch(/^the service is being replaced/i);
  await stack.startService();
  // Input before this sentence would be discarded with the old shell.
  await expect(page.locator(".tg").getByRole("alert")).toContainText("The shell was restarted", { timeout: 60_000 });
  await expect(page.locator("footer.tg-status")).toContainText("Connected");
  expect(await terminal.run("echo $((40 + 2))")).toEqual(["42"]);
});
