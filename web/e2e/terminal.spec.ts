/**
 * What a person does in a terminal, in a real browser, through the whole chain.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { test } from "./stack.ts";

test("a command is typed and its output read", async ({ page, stack }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
  const screen = new Screen(page);
  await screen.open(stack.url);
  expect(await screen.run("echo $((6 * 7)) answers")).toEqual(["42 answers"]);
  await expect(page.locator("[data-status=connected]")).toBeVisible();
  await expect(page.locator(".tg-latency")).toHaveText(/^\d+ ms$/);
  await expect(page.locator(".xterm-screen canvas")).toHaveCount(0);
  await screen.picture("command");
  expect(problems).toEqual([]);
});

test("a page runs commands in the same shell and gets their results", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const run = (command: string) =>
    page.evaluate(async (line) => {
      const answer = await window.termgate?.client.executeCommand(line).catch((error: { code: string }) => error.code);
      return typeof answer === "object" ? { result: answer.result, exitCode: answer.exitCode } : answer;
    }, command);
  expect(await run("cd /usr; printf 'a\\nb\\n'")).toEqual({ result: "a\nb\n", exitCode: 0 });
  expect(await run("pwd; (exit 7)")).toEqual({ result: "/usr\n", exitCode: 7 });
  await screen.prompt();
  await screen.type("sleep 100");
  await screen.press("Enter");
  await screen.shows(/sleep 100\n?$/);
  expect(await run("ls")).toBe("BUSY");
  await screen.press("Control+c");
  await screen.prompt();
});

test("vim writes a file", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("vim -u NONE -N notes.txt");
  await screen.press("Enter");
  await screen.shows(/"notes\.txt" \[New/);
  await screen.type("ione");
  await screen.press("Enter");
  await screen.type("two");
  // Keys that are more than a character: back to the first line, and to its end.
  await screen.press("ArrowUp");
  await screen.press("End");
  await screen.type(" and a half");
  await screen.picture("vim");
  await screen.press("Escape");
  await screen.type(":wq");
  await screen.press("Enter");
  await screen.prompt();
  expect(await screen.run("cat notes.txt")).toEqual(["one and a half", "two"]);
});

test("stty follows the window", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const sizes = new Set<string>();
  for (const [width, height] of [
    [1000, 640],
    [700, 400],
    [1200, 700],
  ] as const) {
    const before = await screen.size();
    await page.setViewportSize({ width, height });
    if (sizes.size > 0) await expect.poll(() => screen.size()).not.toEqual(before);
    const { cols, rows } = await screen.size();
    expect(await screen.run("stty size")).toEqual([`${rows} ${cols}`]);
    sizes.add(`${rows} ${cols}`);
  }
  expect(sizes.size).toBe(3);
});

test("WebGL draws where there is one", async ({ page, stack }) => {
  // This machine has it in software only, which the page declines: here it is called a piece of hardware.
  await page.addInitScript(() => {
    const { getParameter } = WebGL2RenderingContext.prototype;
    WebGL2RenderingContext.prototype.getParameter = function (name: number) {
      const value: unknown = getParameter.call(this, name);
      return typeof value === "string" && /swiftshader/i.test(value) ? "hardware" : value;
    };
  });
  const screen = new Screen(page);
  await screen.open(stack.url);
  await expect(page.locator(".xterm-screen canvas").first()).toBeVisible();
  expect(await screen.run("stty size")).toEqual([
    Object.values(await screen.size())
      .reverse()
      .join(" "),
  ]);
  await screen.picture("webgl");
  // The browser takes the hardware away, as it does with too many terminals on a page.
  await page.evaluate(() => {
    const canvases = [...document.querySelectorAll<HTMLCanvasElement>(".xterm-screen canvas")];
    for (const canvas of canvases) canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  });
  await expect(page.locator(".xterm-screen canvas")).toHaveCount(0);
  expect(await screen.run("echo drawn without")).toEqual(["drawn without"]);
  await expect(page.locator(".xterm-rows")).toContainText("drawn without");
});

test("Ctrl-C stops a flood", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("yes flood");
  await screen.press("Enter");
  await screen.shows(/(flood\n){10}/);
  await screen.press("Control+c");
  const pressed = Date.now();
  await screen.prompt();
  test.info().annotations.push({ type: "prompt back", description: `${Date.now() - pressed} ms` });
  expect(await screen.run("echo still here")).toEqual(["still here"]);
});

test("20 KB are pasted whole", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const text = Array.from({ length: 400 }, (_, at) => `line ${at}: grüße 日本 😀 "quoted" \\ and so on\n`).join("");
  expect(new TextEncoder().encode(text).length).toBeGreaterThan(20_000);
  await screen.type("cat > pasted.txt");
  await screen.press("Enter");
  // The shell's own line editor takes pastes in brackets; the browser must have heard that `cat` does not.
  await expect.poll(() => page.evaluate(() => window.termgate?.terminal?.modes.bracketedPasteMode)).toBe(false);
  await screen.paste(text);
  await screen.confirmPaste();
  await screen.shows("line 399:");
  await screen.press("Control+d");
  await screen.prompt();
  const sum = createHash("sha256").update(text).digest("hex");
  expect(await screen.run("sha256sum < pasted.txt")).toEqual([`${sum}  -`]);
});

test("a paste at the prompt runs nothing by itself", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.paste("echo one\necho two\n");
  await screen.shows("echo two");
  expect(await screen.rows()).not.toContain("one");
  await screen.press("Enter");
  await screen.shows(/^one\ntwo$/m);
});

test("5 MB of output end on the right screen", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("seq 1 750000");
  await screen.press("Enter");
  const pressed = Date.now();
  await screen.shows(/^750000$/m, 50_000);
  test.info().annotations.push({ type: "5 MB", description: `${Date.now() - pressed} ms` });
  await screen.prompt();
  const numbers = (await screen.rows()).slice(0, -1).map(Number);
  expect(numbers).toEqual(numbers.map((_, at) => 750_000 - numbers.length + 1 + at));
  expect(numbers.length).toBeGreaterThan(20);
  await screen.picture("flood");
});

test("characters of every kind keep their width", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const samples = ["日本語", "한글", "😀👍", "e\u0301a\u0308", "Ωмега", "─│┌┐└┘█▓", "ｆｕｌｌ"];
  for (const sample of samples) {
    await page.keyboard.insertText(`echo '${sample}|'`);
    await screen.press("Enter");
    await screen.shows(new RegExp(`^${sample}\\|$`, "m"));
  }
  await screen.picture("unicode");
  // The shell counts as the browser does: what is deleted and typed again stands where it stood.
  await page.keyboard.insertText("echo 日本語 😀 x");
  for (let at = 0; at < 3; at += 1) await screen.press("Backspace");
  await screen.type("y");
  await screen.press("Enter");
  await screen.shows(/^日本語 y$/m);
});

test("a reload finds the same shell", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.run("cd /usr && remembered=yes");
  const address = page.url();
  expect(address).toContain("session=");
  await page.reload();
  await screen.prompt();
  expect(await screen.run('echo "$PWD $remembered"')).toEqual(["/usr yes"]);
  expect(page.url()).toBe(address);
});

test("a program's questions are answered once, by the service, and not again from history", async ({ page, stack }) => {
  const sent: string[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string; data?: string };
      if (message.type === "input") sent.push(message.data ?? "");
    }),
  );
  const screen = new Screen(page);
  await screen.open(stack.url);
  expect(await screen.ask("\\e[6n", "R")).toBe("[2;1");
  expect(await screen.ask("\\e[c", "c")).toMatch(/^\[\?[\d;]+$/);
  expect(await screen.ask("\\e]11;?\\e\\\\", "'\\'")).toMatch(/^\]11;rgb:/);
  await page.reload();
  await screen.shows("got ]11;rgb:");
  await screen.prompt();
  expect(await screen.run("echo clean")).toEqual(["clean"]);
  // The browser has said nothing but what was typed.
  expect(sent.join("")).not.toMatch(/\d+;\d+R|\?[\d;]+c|rgb:/);
});

test("a second window shows the same session", async ({ page, context, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  const other = new Screen(await context.newPage());
  await other.open(page.url());
  await screen.type("echo seen from both");
  await screen.press("Enter");
  await other.shows(/^seen from both$/m);
});

test("the end of the shell is shown", async ({ page, stack }) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.type("exit 3");
  await screen.press("Enter");
  await expect(page.locator("[data-status=closed]")).toContainText("the shell exited with 3");
  await page.getByText("New session").click();
  await screen.prompt();
});
