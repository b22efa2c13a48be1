/**
 * The terminal's own menu: by mouse, by keyboard and by finger.
 */

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { finger, PHONE, prefers, TerminalPage } from "./terminal-page.ts";

const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());
const selection = (page: Page) => page.evaluate(() => window.termgate?.terminal?.getSelection() ?? "");
const menuOf = (page: Page) => page.getByRole("menu", { name: "Terminal" });
const item = (page: Page, name: string) => menuOf(page).getByRole("menuitem", { name });

/** Whether the browser's own menu was kept from opening, by the last right click from now on. */
async function recordNative(page: Page): Promise<() => Promise<boolean | undefined>> {
  await page.evaluate(() =>
    window.addEventListener(
      "contextmenu",
      // After every other listener.
      (event) => setTimeout(() => Object.assign(window, { prevented: event.defaultPrevented })),
      { capture: true },
    ),
  );
  return () => page.evaluate(() => (window as unknown as { prevented?: boolean }).prevented);
}

test("the right button opens a menu that copies, pastes, selects, finds, saves and clears", {
  tag: "@chromium",
}, async ({ context, page, terminal }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.emulateMedia({ colorScheme: "dark" });
  await terminal.run("echo one two");
  const at = await terminal.place(1, 1);
  await page.mouse.click(...at, { button: "right" });
  await expect(menuOf(page).getByRole("menuitem")).toHaveText([
    /^CopyCtrl/,
    /^Paste/,
    "Select all",
    /^Find/,
    "Clear",
    "Save as text file",
    "Upload files",
    "Download the selected file",
  ]);
  await expect(item(page, "Copy")).toBeDisabled();
  await terminal.screenshot("menu-dark");
  await item(page, "Copy").click({ force: true });
  await expect(menuOf(page)).toBeVisible();
  await item(page, "Select all").click();
  await expect(menuOf(page)).toHaveCount(0);
  expect(await selection(page)).toContain("one two");
  await page.mouse.click(...at, { button: "right" });
  await item(page, "Copy").click();
  await expect.poll(() => clipboard(page)).toContain("one two");
  await expect(page.locator(".tg-detail")).toHaveText("Copied");
  await page.evaluate(() => navigator.clipboard.writeText("echo pasted"));
  await page.mouse.click(...at, { button: "right" });
  await item(page, "Paste").click();
  await terminal.shows("$ echo pasted");
  // The terminal has the focus again.
  await terminal.press("Enter");
  await terminal.prompt();
  await page.mouse.click(...at, { button: "right" });
  const download = page.waitForEvent("download");
  await item(page, "Save").click();
  const stream = await (await download).createReadStream();
  let saved = "";
  for await (const chunk of stream) saved += String(chunk);
  expect(saved).toContain("\none two\n");
  await page.mouse.click(...at, { button: "right" });
  await item(page, "Find").click();
  await expect(page.getByLabel("Find in the terminal")).toBeFocused();
  await terminal.press("Escape");
  await page.mouse.click(...at, { button: "right" });
  await item(page, "Clear").click();
  await expect.poll(() => terminal.history().then((rows) => rows.join("\n"))).not.toContain("one two");
  expect(terminal.problems).toEqual([]);
});

test("Shift-F10 opens it at the cursor; arrows, Enter, Escape and Tab do the rest", { tag: "@chromium" }, async ({
  page,
  terminal,
}) => {
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
  await terminal.press("Shift+F10");
  await expect(item(page, "Copy")).toBeFocused();
  const box = await menuOf(page).boundingBox();
  const cursor = await terminal.place(0, (await terminal.text()).length);
  expect(Math.abs((box?.x ?? 0) - cursor[0])).toBeLessThan(20);
  await terminal.press("ArrowUp");
  await expect.poll(focused).toBe("Download the selected file");
  await terminal.press("ArrowDown");
  await terminal.press("ArrowDown");
  await expect.poll(focused).toMatch(/^Paste/);
  await terminal.press("End");
  await expect.poll(focused).toBe("Download the selected file");
  for (const [key, typed] of [
    ["Escape", "$ x"],
    ["Tab", "$ xx"],
  ] as const) {
    await terminal.press(key);
    await expect(menuOf(page)).toHaveCount(0);
    await terminal.type("x");
    await terminal.shows(typed);
    await terminal.press("ContextMenu");
    await expect(menuOf(page)).toHaveCount(1);
  }
  await terminal.press("Home");
  await terminal.press("ArrowDown");
  await terminal.press("ArrowDown");
  await terminal.press("Enter");
  await expect(menuOf(page)).toHaveCount(0);
  // Neither key reached the shell.
  expect(await selection(page)).toMatch(/[$#] xx\n*$/);
});

test("a press elsewhere, the wheel and another window close it", async ({ page, terminal }) => {
  const at = await terminal.place(3, 30);
  const open = async () => {
    await page.mouse.click(...at, { button: "right" });
    await expect(menuOf(page)).toHaveCount(1);
  };
  await open();
  await page.mouse.click(at[0] - 100, at[1]);
  await expect(menuOf(page)).toHaveCount(0);
  await open();
  // Another place is another menu.
  await page.mouse.click(at[0] - 100, at[1], { button: "right" });
  await expect.poll(async () => Math.round((await menuOf(page).boundingBox())?.x ?? 0)).toBe(Math.round(at[0] - 100));
  await page.mouse.move(at[0] - 110, at[1]);
  await page.mouse.wheel(0, 30);
  await expect(menuOf(page)).toHaveCount(0);
  await open();
  await page.evaluate(() => window.dispatchEvent(new Event("blur")));
  await expect(menuOf(page)).toHaveCount(0);
  await open();
  await page.getByRole("button", { name: "Settings" }).click();
  await expect(menuOf(page)).toHaveCount(0);
});

test("with Shift, and in a program that reads the mouse, the menu stays closed", { tag: "@chromium" }, async ({
  page,
  terminal,
}) => {
  const at = await terminal.place(3, 30);
  const prevented = await recordNative(page);
  await page.keyboard.down("Shift");
  await page.mouse.click(...at, { button: "right" });
  await page.keyboard.up("Shift");
  await expect.poll(prevented).toBe(false);
  await expect(menuOf(page)).toHaveCount(0);
  await terminal.type("printf '\\e[?1000h'; read -rsn 1 key; read -rsn 1 key; read -rsn 1 key; read -rsn 1 button; ");
  await terminal.type('printf "\\e[?1000l"; printf "button %d" "\'$button"; read -t 1 -rsn 99');
  await terminal.press("Enter");
  await expect.poll(() => page.evaluate(() => window.termgate?.terminal?.modes.mouseTrackingMode)).toBe("vt200");
  await page.mouse.click(...at, { button: "right" });
  await expect.poll(prevented).toBe(true);
  // 32, and 2 for the right button.
  await terminal.shows("button 34");
  await expect(menuOf(page)).toHaveCount(0);
});

test("a browser that refuses the clipboard gets a sentence that helps", { tag: "@chromium" }, async ({
  page,
  terminal,
  stack,
}) => {
  const devtools = await page.context().newCDPSession(page);
  const permission = { name: "clipboard-read" };
  await devtools.send("Browser.setPermission", { permission, setting: "denied", origin: stack.url });
  // As where a frame's policy forbids it.
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
    document.execCommand = () => false;
  });
  const detail = page.locator(".tg-detail");
  await terminal.press("Shift+F10");
  await item(page, "Paste").click();
  await expect(detail).toHaveText(/does not let this page read the clipboard\. Press Ctrl-Shift-V to paste$/);
  await terminal.screenshot("menu-refused");
  await terminal.press("Shift+F10");
  await item(page, "Select all").click();
  await terminal.press("Shift+F10");
  await item(page, "Copy").click();
  const copy = /does not let this page copy\. Hold Shift, press the right mouse button, and choose Copy$/;
  await expect(detail).toHaveText(copy);
  // The way that the sentence names works: the selection is still there.
  expect(await selection(page)).not.toBe("");
  await terminal.press("Shift+F10");
  await item(page, "Paste").click();
  await expect(detail).not.toHaveText(copy);
  await terminal.press("Control+Shift+C");
  await expect(detail).toHaveText(copy);
  await expect(page.locator(".tg-status [aria-live]", { hasText: copy })).toHaveCount(1);
});

for (const theme of ["light", "contrast"] as const) {
  test(`it stays within a small window, in the theme ${theme}`, async ({ page, stack }) => {
    await prefers(page, { theme });
    await page.setViewportSize({ width: 390, height: 300 });
    const terminal = new TerminalPage(page);
    await terminal.open(stack.url);
    await terminal.settle();
    const screen = await page.locator(".xterm-screen").boundingBox();
    if (!screen) throw new Error("no screen");
    await page.mouse.click(screen.x + screen.width - 3, screen.y + screen.height - 3, { button: "right" });
    await expect(item(page, "Save")).toBeInViewport({ ratio: 1 });
    await expect(item(page, "Copy")).toBeInViewport({ ratio: 1 });
    const { violations } = await new AxeBuilder({ page }).include(".tg-menu").analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    await terminal.screenshot(`menu-${theme}`);
  });
}

test("a long press where there is no text opens it, and the touch keyboard stays", { tag: "@chromium" }, async ({
  browser,
  stack,
}) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("echo word");
  const input = page.getByRole("textbox", { name: "Terminal input" });
  await page.touchscreen.tap(...(await terminal.place(6, 12)));
  await expect(input).toBeFocused();
  // A change of size would end the selection.
  await terminal.settle();
  const empty = await terminal.place(6, 12);
  await finger(page, empty, empty, 700, 1);
  await expect(menuOf(page)).toBeVisible();
  await expect(input).toBeFocused();
  for (const entry of await menuOf(page).getByRole("menuitem").all())
    expect((await entry.boundingBox())?.height).toBeGreaterThanOrEqual(44);
  await terminal.screenshot("menu-phone");
  await item(page, "Select all").tap();
  await expect(menuOf(page)).toHaveCount(0);
  expect(await selection(page)).toContain("word");
  await expect(input).toBeFocused();
  await finger(page, empty, empty, 700, 1);
  await page.touchscreen.tap(...(await terminal.place(10, 3)));
  await expect(menuOf(page)).toHaveCount(0);
  // A touch keyboard that was closed stays closed.
  await input.evaluate((field) => field.blur());
  await finger(page, empty, empty, 700, 1);
  await item(page, "Select all").tap();
  await expect(menuOf(page)).toHaveCount(0);
  await expect(input).not.toBeFocused();
  // On a word it selects.
  const word = await terminal.place(1, 2);
  await finger(page, word, word, 700, 1);
  await expect.poll(() => selection(page)).toBe("word");
  await expect(menuOf(page)).toHaveCount(0);
  await context.close();
});
