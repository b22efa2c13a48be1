/**
 * Lost connections, reloads, and a service that dies or is replaced.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage, withoutFallback, wrapped } from "./terminal-page.ts";

// Each loss is followed by another WebSocket, however many there are.
test.beforeEach(({ page }) => withoutFallback(page));

test("typing continues over connections that are cut every second", async ({ page, launch }) => {
  const stack = await launch({}, "--lifetime-seconds", "1");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.startReader("printf 'rea''dy\\n'; cat");
  const keys = Array.from({ length: 250 }, (_, at) => String.fromCharCode(97 + (at % 26))).join("");
  await page.keyboard.type(keys, { delay: 40 });
  await terminal.press("Enter");
  // Once as echo, and once as output of `cat`.
  await terminal.shows(new RegExp(`ready\\s+${wrapped(keys)}\\s+${wrapped(keys)}$`), 60_000);
  expect(terminal.sockets).toBeGreaterThan(3);
});

test("a connection that is cut while vim runs recovers, and the file is intact", async ({ page, launch }) => {
  const stack = await launch({}, "--fault", "none");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("vim -u NONE -N notes.txt");
  await terminal.press("Enter");
  await terminal.shows(/"notes\.txt" \[New/);
  await terminal.type("i");
  const lines: string[] = [];
  for (const how of ["abort", "close", "abort"] as const) {
    const before = terminal.sockets;
    const cut = stack.cut(how);
    for (let row = 0; row < 4; row += 1) {
      lines.push(`line ${lines.length}: grüße 日本 😀 ${how}`);
      await page.keyboard.type(lines.at(-1) ?? "", { delay: 15 });
      await terminal.press("Enter");
    }
    await cut;
    await expect.poll(() => terminal.sockets, { message: "another connection" }).toBeGreaterThan(before);
    await terminal.shows(lines.at(-1) ?? "");
  }
  await expect(page.locator("footer.tg-status")).toContainText("Connected");
  await terminal.screenshot("cut-in-vim");
  // vim redraws the same screen, so it showed nothing else.
  const drawn = await terminal.text();
  await terminal.press("Escape");
  await terminal.type(":redraw! | echo 'dra'.'wn'\n");
  await terminal.shows(/\ndrawn$/);
  expect((await terminal.rows()).slice(0, 12)).toEqual(drawn.split("\n").slice(0, 12));
  await terminal.type(":wq");
  await terminal.press("Enter");
  await terminal.prompt();
  expect((await terminal.run("cat notes.txt")).filter(Boolean)).toEqual(lines);
  expect(terminal.problems).toEqual([]);
});

test("under heavy faults, every key and every line of output arrives once and in order", async ({ page, launch }) => {
  test.setTimeout(180_000);
  const storm = "reorder=0.2,repeat=0.05,lose=0.02,delay=0..50,cut-every=200";
  const stack = await launch({}, "--fault", storm, "--seed", "3");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("stty -echo; (for i in $(seq 1 300); do echo out $i; sleep 0.05; done) & cat > typed.txt");
  await terminal.press("Enter");
  await terminal.shows(/^out \d+$/m, 30_000);
  const lines = Array.from({ length: 30 }, (_, at) => `key ${at} grüße 日本 😀 abcdefghij`);
  for (const line of lines) await page.keyboard.type(`${line}\n`, { delay: 10 });
  await terminal.shows(/^out 300$/m, 60_000);
  const shown = (await terminal.history()).filter((line) => /^out \d+$/.test(line));
  expect(shown).toEqual(Array.from({ length: 300 }, (_, at) => `out ${at + 1}`));
  await stack.faults("none");
  await terminal.press("Control+d");
  await terminal.prompt(30_000);
  await terminal.echoAgain();
  const sum = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
  expect(await terminal.run("sha256sum < typed.txt", 30_000)).toEqual([`${sum.digest("hex")}  -`]);
  expect(terminal.sockets).toBeGreaterThan(2);
});

test("a reload during a full-screen program restores screen and scrollback", async ({ page, terminal }) => {
  await terminal.run("for i in $(seq 1 200); do echo scrolled $i; done");
  await terminal.type("vim -u NONE -N");
  await terminal.press("Enter");
  await terminal.shows("VIM - Vi IMproved");
  await page.keyboard.type(":set number ruler laststatus=2 | split\n");
  await page.keyboard.type("ione\ntwo\nthree", { delay: 5 });
  // In both windows, and the place of the cursor.
  await terminal.shows(/3 three(.|\n)* 3,6 (.|\n)*3 three/);
  const before = await terminal.rows();
  await terminal.screenshot("before-reload");
  await page.reload();
  await expect.poll(() => terminal.rows()).toEqual(before);
  await terminal.screenshot("after-reload");
  const scrolled = async () => (await terminal.history()).filter((line) => /^scrolled \d+$/.test(line));
  expect(await scrolled()).toEqual(Array.from({ length: 200 }, (_, at) => `scrolled ${at + 1}`));
  // vim is still in insert mode, at the end of the line.
  await terminal.type("!");
  await terminal.shows(/3 three!/);
  await terminal.press("Escape");
  await terminal.type(":qa!");
  await terminal.press("Enter");
  await terminal.prompt();
  expect(await terminal.run("echo same shell")).toEqual(["same shell"]);
  expect(terminal.problems).toEqual([]);
});

test("a new shell after a crash starts below the old output, without earlier input", async ({ page, launch }) => {
  const stack = await launch({});
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("remembered=yes; echo before");
  await terminal.press("Enter");
  await terminal.shows(/^before$/m);
  const prompts = async () => (await terminal.rows()).filter((row) => /[$#] ?$/.test(row)).length;
  await expect.poll(prompts).toBe(1);
  await stack.killService();
  await terminal.type("touch typed-for-the-old-one");
  await terminal.press("Enter");
  await expect(page.locator(".tg-detail")).toHaveText(/lab machine/);
  await stack.startService();
  await expect.poll(prompts).toBe(2);
  await expect(page.locator(".tg-detail")).toHaveText(/discarded/);
  await terminal.type('echo "after <$remembered>" *');
  await terminal.press("Enter");
  await terminal.shows(/^after <> \*$/m);
  await terminal.screenshot("new-shell");
});

test("a new shell after a replacement of the service is reported", async ({ page, launch }) => {
  const stack = await launch({});
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.type("echo before");
  await terminal.press("Enter");
  await terminal.shows(/^before$/m);
  await stack.stopService();
  await expect(page.locator("[data-status=reconnecting]")).toBeVisible();
  await stack.startService();
  await expect(page.locator(".tg").getByRole("alert")).toContainText(
    "The shell was restarted: the lab machine was replaced.",
  );
  await expect(page.locator("[data-status=connected]")).toBeVisible();
  // The first one is of the shell that is gone.
  await terminal.shows(/^before\n(.|\n)*[$#] ?\n(.|\n)*[$#] ?$/m);
  expect(await terminal.run("echo after")).toEqual(["after"]);
  // The banner stays until dismissed.
  await page.getByLabel("Dismiss").click();
  await expect(page.locator(".tg").getByRole("alert")).toHaveCount(0);
  expect(terminal.problems).toEqual([]);
});
