/**
 * Everyday use of a terminal, through the whole chain.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { DEV_TOKEN_KEY } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

test("a typed command shows its output", async ({ page, stack }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(await terminal.run("echo $((6 * 7)) answers")).toEqual(["42 answers"]);
  await expect(page.locator("[data-status=connected]")).toBeVisible();
  await expect(page.locator(".tg-latency")).toHaveText(/^\d+ ms$/);
  await expect(page.locator(".xterm-screen canvas")).toHaveCount(0);
  await terminal.screenshot("command");
  expect(problems).toEqual([]);
});

test("a page runs commands in the same shell and gets their results", async ({ page, terminal }) => {
  const run = (command: string) =>
    page.evaluate(async (line) => {
      const answer = await window.termgate?.client.executeCommand(line).catch((error: { code: string }) => error.code);
      return typeof answer === "object" ? { result: answer.result, exitCode: answer.exitCode } : answer;
    }, command);
  expect(await run("cd /usr; printf 'a\\nb\\n'")).toEqual({ result: "a\nb\n", exitCode: 0 });
  expect(await run("pwd; (exit 7)")).toEqual({ result: "/usr\n", exitCode: 7 });
  await terminal.prompt();
  await terminal.type("sleep 100");
  await terminal.press("Enter");
  await terminal.shows(/sleep 100\n?$/);
  expect(await run("ls")).toBe("BUSY");
  await terminal.press("Control+c");
  await terminal.prompt();
});

test("vim writes a file", async ({ terminal }) => {
  await terminal.type("vim -u NONE -N notes.txt");
  await terminal.press("Enter");
  await terminal.shows(/"notes\.txt" \[New/);
  await terminal.type("ione");
  await terminal.press("Enter");
  await terminal.type("two");
  // Keys that send escape sequences: to the first line, and to its end.
  await terminal.press("ArrowUp");
  await terminal.press("End");
  await terminal.type(" and a half");
  await terminal.screenshot("vim");
  await terminal.press("Escape");
  await terminal.type(":wq");
  await terminal.press("Enter");
  await terminal.prompt();
  expect(await terminal.run("cat notes.txt")).toEqual(["one and a half", "two"]);
});

test("the shell's size follows the window", async ({ page, terminal }) => {
  const sizes = new Set<string>();
  for (const [width, height] of [
    [1000, 640],
    [700, 400],
    [1200, 700],
  ] as const) {
    await page.setViewportSize({ width, height });
    const { cols, rows } = await terminal.fitted();
    expect(await terminal.run("stty size")).toEqual([`${rows} ${cols}`]);
    sizes.add(`${rows} ${cols}`);
  }
  expect(sizes.size).toBe(3);
});

test("the terminal is drawn with WebGL, and without it after a context loss", { tag: "@chromium" }, async ({
  page,
  stack,
}) => {
  // Software WebGL, which the page declines, is disguised as hardware.
  await page.addInitScript(() => {
    const { getParameter } = WebGL2RenderingContext.prototype;
    WebGL2RenderingContext.prototype.getParameter = function (name: number) {
      const value: unknown = getParameter.call(this, name);
      return typeof value === "string" && /swiftshader/i.test(value) ? "hardware" : value;
    };
  });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await expect(page.locator(".xterm-screen canvas").first()).toBeVisible();
  const { cols, rows } = await terminal.fitted();
  expect(await terminal.run("stty size")).toEqual([`${rows} ${cols}`]);
  await terminal.screenshot("webgl");
  // The browser revokes the context, as with too many terminals on a page.
  await page.evaluate(() => {
    const canvases = [...document.querySelectorAll<HTMLCanvasElement>(".xterm-screen canvas")];
    for (const canvas of canvases) canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  });
  await expect(page.locator(".xterm-screen canvas")).toHaveCount(0);
  expect(await terminal.run("echo drawn without")).toEqual(["drawn without"]);
  await expect(page.locator(".xterm-rows")).toContainText("drawn without");
});

test("Ctrl-C stops heavy output", async ({ terminal }) => {
  await terminal.type("yes flood");
  await terminal.press("Enter");
  await terminal.shows(/(flood\n){10}/);
  await terminal.press("Control+c");
  const pressed = Date.now();
  await terminal.prompt();
  test.info().annotations.push({ type: "prompt back", description: `${Date.now() - pressed} ms` });
  expect(await terminal.run("echo still here")).toEqual(["still here"]);
});

test("a 20 KB paste is complete", async ({ terminal }) => {
  const text = Array.from({ length: 400 }, (_, at) => `line ${at}: grüße 日本 😀 "quoted" \\ and so on\n`).join("");
  expect(new TextEncoder().encode(text).length).toBeGreaterThan(20_000);
  // Unlike the shell's line editor, `cat` does not use bracketed paste, which the browser must know.
  await terminal.startReader("cat > pasted.txt");
  await terminal.paste(text);
  await terminal.confirmPaste();
  // Linux keeps the last of the echo until the next key, if the terminal is not read for a moment.
  await terminal.press("Control+d");
  await terminal.shows("line 399:");
  await terminal.prompt();
  const sum = createHash("sha256").update(text).digest("hex");
  expect(await terminal.run("sha256sum < pasted.txt")).toEqual([`${sum}  -`]);
});

test("a paste at the prompt runs nothing by itself", async ({ terminal }) => {
  await terminal.paste("echo one\necho two\n");
  await terminal.shows("echo two");
  expect(await terminal.rows()).not.toContain("one");
  await terminal.press("Enter");
  await terminal.shows(/^one\ntwo$/m);
});

test("5 MB of output end with the right screen", async ({ terminal }) => {
  await terminal.type("seq 1 750000");
  await terminal.press("Enter");
  const pressed = Date.now();
  await terminal.shows(/^750000$/m, 50_000);
  test.info().annotations.push({ type: "5 MB", description: `${Date.now() - pressed} ms` });
  await terminal.prompt();
  const numbers = (await terminal.rows()).slice(0, -1).map(Number);
  expect(numbers).toEqual(numbers.map((_, at) => 750_000 - numbers.length + 1 + at));
  expect(numbers.length).toBeGreaterThan(20);
  await terminal.screenshot("flood");
});

test("wide, combining and other characters have the right width", async ({ page, terminal }) => {
  const samples = ["日本語", "한글", "😀👍", "e\u0301a\u0308", "Ωмега", "─│┌┐└┘█▓", "ｆｕｌｌ"];
  for (const sample of samples) {
    await page.keyboard.insertText(`echo '${sample}|'`);
    await terminal.press("Enter");
    await terminal.shows(new RegExp(`^${sample}\\|$`, "m"));
    await terminal.prompt();
  }
  await terminal.screenshot("unicode");
  // The shell computes the same widths: deleted and retyped text has the same place.
  await page.keyboard.insertText("echo 日本語 😀 x");
  for (let at = 0; at < 3; at += 1) await terminal.press("Backspace");
  await terminal.type("y");
  await terminal.press("Enter");
  await terminal.shows(/^日本語 y$/m);
});

test("in mode 2027 a cluster is one place: on the screen, in a selection, a search and after a reload", async ({
  page,
  terminal,
}) => {
  const FARMER = "👩\u200d🌾";
  const cells = () =>
    page.evaluate(() => {
      const { active } = window.termgate?.terminal?.buffer ?? {};
      const line = active?.getLine(1);
      return [0, 1, 2, 3, 4, 5].map((col) => [line?.getCell(col)?.getChars(), line?.getCell(col)?.getWidth()]);
    });
  const wanted = [
    ...[
      ["a", 1],
      [FARMER, 2],
      ["", 0],
    ],
    ...[
      ["❤\ufe0f", 2],
      ["", 0],
      ["b", 1],
    ],
  ];
  expect(await terminal.query("\\e[?2027$p", "y")).toBe("[?2027;2$");
  await terminal.run("printf '\\e[?2027h'");
  expect(await terminal.query("\\e[?2027$p", "y")).toBe("[?2027;1$");
  await terminal.run("printf 'a\\U1F469\\u200D\\U1F33E\\u2764\\uFE0Fb\\n'");
  expect(await cells()).toEqual(wanted);
  await terminal.screenshot("graphemes");
  await page.reload();
  await terminal.prompt();
  await expect.poll(cells).toEqual(wanted);
  expect(await terminal.query("\\e[?2027$p", "y")).toBe("[?2027;1$");
  await terminal.run("printf 'a\\U1F469\\u200D\\U1F33E\\u2764\\uFE0Fb\\n'");
  const [[x, y], [next]] = [await terminal.place(1, 0), await terminal.place(1, 1)];
  await page.mouse.move(x - (next - x) / 2 + 1, y);
  await page.mouse.down();
  await page.mouse.move(x + (next - x) * 5.6, y, { steps: 3 });
  await page.mouse.up();
  const selected = () => page.evaluate(() => window.termgate?.terminal?.getSelection());
  await expect.poll(selected).toBe(`a${FARMER}❤\ufe0fb`);
  await terminal.press("Control+Shift+F");
  const input = page.getByLabel("Find in the terminal");
  await input.pressSequentially("b");
  await expect.poll(selected).toBe("b");
  expect(await page.evaluate(() => window.termgate?.terminal?.getSelectionPosition())).toMatchObject({
    start: { x: 5, y: 1 },
    end: { x: 6, y: 1 },
  });
});

test("a reload finds the same shell", async ({ page, terminal }) => {
  await terminal.run("cd /usr && remembered=yes");
  const address = page.url();
  expect(address).toContain("session=");
  await page.reload();
  await terminal.prompt();
  expect(await terminal.run('echo "$PWD $remembered"')).toEqual(["/usr yes"]);
  expect(page.url()).toBe(address);
});

test("terminal queries are answered once, by the service, and not again from history", async ({ page, stack }) => {
  const sent: string[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string; data?: string };
      if (message.type === "input") sent.push(message.data ?? "");
    }),
  );
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(await terminal.query("\\e[6n", "R")).toBe("[2;1");
  expect(await terminal.query("\\e[c", "c")).toMatch(/^\[\?[\d;]+$/);
  expect(await terminal.query("\\e]11;?\\e\\\\", "'\\'")).toMatch(/^\]11;rgb:/);
  await page.reload();
  await terminal.shows("got ]11;rgb:");
  await terminal.prompt();
  expect(await terminal.run("echo clean")).toEqual(["clean"]);
  // The browser sent only typed input.
  expect(sent.join("")).not.toMatch(/\d+;\d+R|\?[\d;]+c|rgb:/);
});

test("a second window shows the same session", async ({ page, context, terminal }) => {
  const other = new TerminalPage(await context.newPage());
  await other.open(page.url());
  await terminal.type("echo seen from both");
  await terminal.press("Enter");
  await other.shows(/^seen from both$/m);
});

test("the end of the shell is shown", async ({ page, terminal }) => {
  await terminal.type("exit 3");
  await terminal.press("Enter");
  await expect(page.locator("[data-status=closed]")).toContainText("the shell exited with 3");
  await page.getByText("New session").click();
  await terminal.prompt();
});

test("a page needs the key of the printed address once, and hides it", async ({ page, stack }) => {
  await page.goto(stack.url);
  await expect(page.getByText(/Open the address that `make run` printed/)).toBeVisible();
  // Only the hash differs, so the page loads itself anew.
  const reloaded = page.waitForEvent("load");
  await page.goto(`${stack.url}/#key=${DEV_TOKEN_KEY}`);
  await reloaded;
  const terminal = new TerminalPage(page);
  await terminal.prompt();
  expect(page.url()).not.toContain(DEV_TOKEN_KEY);
  const other = new TerminalPage(await page.context().newPage());
  await other.page.goto(stack.url);
  await other.prompt();
});
