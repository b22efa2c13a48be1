/**
 * The component: copy, paste, find, zoom, links, images, and the clipboard for programs.
 */

import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

test.beforeEach(({ context }) => context.grantPermissions(["clipboard-read", "clipboard-write"]));

const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());
const fill = (page: Page, text: string) => page.evaluate((text) => navigator.clipboard.writeText(text), text);
const font = (page: Page) => page.evaluate(() => window.termgate?.terminal?.options.fontSize);

/** Drags over the cells of one row. */
async function drag(page: Page, row: number, from: number, to: number): Promise<void> {
  const box = await page.locator(".xterm-screen").boundingBox();
  const size = await new TerminalPage(page).size();
  if (!box) throw new Error("no screen");
  const at = (col: number) =>
    [box.x + (col * box.width) / size.cols, box.y + ((row + 0.5) * box.height) / size.rows] as const;
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 4 });
  await page.mouse.up();
}

test("Ctrl-Shift-C copies, Ctrl-Shift-V pastes, and Ctrl-C still interrupts", async ({ page, terminal }) => {
  await terminal.run("echo copied text");
  await fill(page, "before");
  await drag(page, 1, 0, 6);
  // Even with a selection.
  await terminal.press("Control+c");
  await terminal.prompt();
  expect(await clipboard(page)).toBe("before");
  await drag(page, 1, 0, 6);
  await terminal.press("Control+Shift+C");
  await expect.poll(() => clipboard(page)).toBe("copied");
  await fill(page, "echo 'pasted \x1b[201~\r'");
  await terminal.press("Control+Shift+V");
  await terminal.shows("echo 'pasted [201~");
  await terminal.press("Control+c");
  expect(terminal.problems).toEqual([]);
});

test("copy on select copies only once enabled", async ({ page, terminal }) => {
  await terminal.run("echo selected words");
  await fill(page, "before");
  await drag(page, 1, 0, 8);
  expect(await page.evaluate(() => window.termgate?.terminal?.getSelection())).toBe("selected");
  expect(await clipboard(page)).toBe("before");
  await page.getByLabel("Settings").click();
  await page.getByLabel("Copy on select").check();
  await page.keyboard.press("Escape");
  await drag(page, 1, 9, 14);
  await expect.poll(() => clipboard(page)).toBe("words");
});

test("a program can write the clipboard but not read it", async ({ page, terminal }) => {
  await terminal.addons();
  await terminal.run("printf '\\e]52;c;%s\\a' $(printf 'from the shell' | base64)");
  await expect.poll(() => clipboard(page)).toBe("from the shell");
  await expect(page.locator(".tg-detail")).toHaveText("A program copied 14 characters");
  await fill(page, "secret");
  // A reply would appear at the prompt.
  expect(await terminal.run("printf '\\e]52;c;?\\a'; read -t 1 -rsn 1 answer; echo \"<$answer>\"")).toEqual(["<>"]);
  await fill(page, "kept");
  await terminal.run(
    `head -c 1200000 /dev/zero | tr '\\0' x | base64 -w0 | (printf '\\e]52;c;'; cat; printf '\\a')`,
    30_000,
  );
  expect(await terminal.run("echo too much")).toEqual(["too much"]);
  expect(await clipboard(page)).toBe("kept");
});

test("a paste of several lines that would run one by one is confirmed first", async ({ page, terminal }) => {
  await terminal.startReader("cat > lines.txt");
  const dialog = page.getByRole("dialog");
  await terminal.paste("one line is no question\n");
  await terminal.shows("no question");
  await expect(dialog).toHaveCount(0);
  await terminal.paste("first\nsecond\n");
  await expect(dialog).toContainText("Paste 2 lines?");
  await expect(dialog.getByRole("listitem")).toHaveText(["first", "second"]);
  await expect(dialog.getByRole("button", { name: "Paste" })).toBeFocused();
  await terminal.screenshot("paste-dialog");
  await terminal.press("Escape");
  await expect(dialog).toHaveCount(0);
  // The terminal has the focus again.
  await terminal.type("typed");
  await terminal.press("Enter");
  await terminal.paste("first\nsecond\n");
  await dialog.getByLabel("Do not ask again").check();
  await dialog.getByRole("button", { name: "Paste" }).click();
  await terminal.shows(/first\nsecond/);
  await terminal.paste("third\nfourth\n");
  await terminal.shows(/third\nfourth/);
  await terminal.press("Control+d");
  await terminal.prompt();
  expect(await terminal.run("tail -n +2 lines.txt")).toEqual(["typed", "first", "second", "third", "fourth"]);
});

test("Ctrl-Shift-F searches the scrollback upwards from the end", async ({ page, terminal }) => {
  await terminal.run("seq -f 'number %g' 1 500");
  await terminal.press("Control+Shift+F");
  const input = page.getByLabel("Find in the terminal");
  await expect(input).toBeFocused();
  await terminal.type("number 42");
  const count = page.locator(".tg-count");
  await expect(count).toHaveText("11 of 11");
  await terminal.screenshot("find");
  await terminal.press("Enter");
  await expect(count).toHaveText("10 of 11");
  await terminal.shows("number 428");
  await terminal.press("Shift+Enter");
  await expect(count).toHaveText("11 of 11");
  await page.getByLabel("Match case").click();
  await input.click();
  await terminal.press("ControlOrMeta+a");
  await terminal.type("NUMBER");
  await expect(count).toHaveText("Nothing found");
  await terminal.press("Escape");
  await expect(input).toHaveCount(0);
  expect(await terminal.run("echo focus is back")).toEqual(["focus is back"]);
});

test("Ctrl-plus, -minus and -0 change the font size, also after a reload", async ({ page, terminal }) => {
  const { cols } = await terminal.size();
  for (let at = 0; at < 4; at += 1) await terminal.press("Control+=");
  await expect.poll(() => font(page)).toBe(18);
  await expect.poll(async () => (await terminal.size()).cols).toBeLessThan(cols);
  const larger = await terminal.fitted();
  expect(await terminal.run("stty size")).toEqual([`${larger.rows} ${larger.cols}`]);
  await page.reload();
  await terminal.prompt();
  await expect.poll(() => font(page)).toBe(18);
  await terminal.press("Control+-");
  await expect.poll(() => font(page)).toBe(17);
  await terminal.press("Control+0");
  await expect.poll(() => font(page)).toBe(14);
  await expect.poll(async () => (await terminal.size()).cols).toBe(cols);
});

test("a zoomed page fills its element", async ({ browser, stack }) => {
  const context = await browser.newContext({ deviceScaleFactor: 1.5, viewport: { width: 667, height: 427 } });
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const { cols, rows } = await terminal.fitted();
  expect(await terminal.run("stty size")).toEqual([`${rows} ${cols}`]);
  const box = await page.locator(".xterm-screen").boundingBox();
  const stage = await page.locator(".tg-screen").boundingBox();
  if (!box || !stage) throw new Error("no screen");
  expect(box.width).toBeLessThanOrEqual(stage.width);
  expect(box.height).toBeLessThanOrEqual(stage.height);
  expect(stage.height - box.height).toBeLessThan(box.height / rows);
  await context.close();
});

test("links open with Ctrl-click in another window without an opener", async ({ page, context, stack }) => {
  await context.route("http://example.test/**", (route) => route.fulfill({ body: "there", contentType: "text/html" }));
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.addons();
  await terminal.run("echo http://example.test/a; printf '\\e]8;;http://example.test/b\\e\\\\hidden\\e]8;;\\e\\\\\\n'");
  const box = await page.locator(".xterm-screen").boundingBox();
  const { rows } = await terminal.size();
  if (!box) throw new Error("no screen");
  for (const [row, path] of [
    [1, "a"],
    [2, "b"],
  ] as const) {
    const at = [box.x + 20, box.y + ((row + 0.5) * box.height) / rows] as const;
    await page.mouse.move(...at);
    await expect(page.getByRole("tooltip")).toHaveText(new RegExp(`/${path}\\n`));
    await page.mouse.click(...at);
    expect(context.pages()).toHaveLength(1);
    await page.keyboard.down("Control");
    const opened = context.waitForEvent("page");
    await page.mouse.click(...at);
    const other = await opened;
    await page.keyboard.up("Control");
    await expect.poll(() => other.url()).toBe(`http://example.test/${path}`);
    expect(await other.evaluate(() => window.opener)).toBeNull();
    await other.close();
  }
});

test("images are drawn, and the browser still answers no query", async ({ page, terminal }) => {
  await terminal.addons();
  // A red square of 60 × 60 pixels.
  const image = `\\ePq#0;2;100;0;0${"#0!60~-".repeat(10)}\\e\\\\`;
  await terminal.run(`printf '${image}'; echo below`);
  await expect(page.locator(".xterm-screen canvas.xterm-image-layer")).toBeVisible();
  expect(await terminal.query("\\e[c", "c")).toBe("[?62;4;9;22");
  // A second answer, of the browser, would be typed here.
  expect(await terminal.run("echo once")).toEqual(["once"]);
});

test("an image takes the same rows for programs, for the page and after a reload", async ({ page, terminal }) => {
  await terminal.addons();
  // Red, 60 × 240 pixels: 15 rows of 16.
  const image = `\\ePq#0;2;100;0;0${"#0!60~-".repeat(40)}\\e\\\\`;
  const ask = `stty -echo -icanon; printf "\\e[6n"; IFS= read -r -d R answer; stty sane; echo "at \${answer#?}"`;
  await terminal.run(`draw() { clear; printf '${image}'; ${ask}; }`);
  await terminal.type("draw");
  await terminal.press("Enter");
  await terminal.shows("at [15;1");
  await terminal.prompt();
  await expect(page.locator(".xterm-screen canvas.xterm-image-layer")).toBeVisible();
  // The first row may have a word, which the image covers.
  const below = async () => (await terminal.rows()).slice(1);
  const rows = await below();
  expect(rows.findIndex((row) => row.startsWith("at [15;1"))).toBe(13);
  await page.reload();
  await expect.poll(below).toEqual(rows);
});

test("the bell lights the frame, without animation if motion is reduced", { tag: "@chromium" }, async ({
  page,
  stack,
}) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  expect(
    await page.locator(".tg-stage").evaluate((stage) => getComputedStyle(stage, "::after").transitionDuration),
  ).toBe("0s");
  // The light may go out before a poll sees it.
  const rung = page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const lit = () => document.querySelector(".tg[data-bell]") && resolve();
        new MutationObserver(lit).observe(document.body, { subtree: true, attributeFilter: ["data-bell"] });
      }),
  );
  await terminal.run("printf '\\a'");
  await rung;
  await expect(page.locator(".tg[data-bell]")).toHaveCount(0);
});

test("scrollback and screen can be copied and saved as text", { tag: "@chromium" }, async ({ page, terminal }) => {
  await terminal.run("clear; seq -f 'saved %g' 1 300");
  await page.getByLabel("More").click();
  await page.getByRole("button", { name: "Copy all" }).click();
  const lines = Array.from({ length: 300 }, (_, at) => `saved ${at + 1}`).join("\n");
  await expect.poll(() => clipboard(page)).toContain(lines);
  await page.getByLabel("More").click();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/\.txt$/);
  const stream = await file.createReadStream();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toContain(lines);
});
