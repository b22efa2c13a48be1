/**
 * A phone: the size of controls, and fingers on the terminal.
 */

import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { Fingers, finger, PHONE, TerminalPage } from "./terminal-page.ts";

/** Names and sizes of the shown controls that are too small for a finger. */
function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("button, select, label, input:not([type=checkbox])")]
      .map((control) => ({ control, box: control.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 1 && (box.width < 44 || box.height < 44))
      .map(({ control, box }) => `${control.outerHTML.slice(0, 80)} ${box.width}×${box.height}`),
  );
}

test("every control is large enough for a finger", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  expect(await tooSmall(page)).toEqual([]);
  await terminal.newTerminal();
  expect(await tooSmall(page)).toEqual([]);
  const shown = page.locator(".panel:not([hidden])");
  for (const name of ["Settings", "Share a read-only link", "Chat", "More"]) {
    const button = (name === "Settings" ? page : shown).getByRole("button", { name, exact: true });
    await button.tap();
    const close = page.getByRole("button", { name: /^Close( the chat)?$/ });
    const closes = name === "Chat" || name.startsWith("Share");
    if (closes) await expect(close).toBeVisible();
    else await expect(button).toHaveAttribute("aria-expanded", "true");
    expect(await tooSmall(page), name).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
    await terminal.screenshot(`phone-${name.split(" ")[0]?.toLowerCase()}`);
    if (closes) await close.tap();
    else await page.keyboard.press("Escape");
  }
  await shown.getByLabel("More", { exact: true }).tap();
  await page.getByRole("button", { name: "Find" }).tap();
  await expect(page.getByLabel("Find in the terminal")).toBeVisible();
  expect(await tooSmall(page), "find").toEqual([]);
  await terminal.screenshot("phone-find");
  await page.getByLabel("Close find").tap();
  await terminal.startReader("cat");
  await terminal.paste("one\ntwo\n");
  await expect(page.getByRole("dialog")).toBeVisible();
  expect(await tooSmall(page), "paste").toEqual([]);
  await terminal.screenshot("phone-paste");
  await context.close();
});

const view = (page: Page) =>
  page.evaluate(() => {
    const buffer = window.termgate?.terminal?.buffer.active;
    return (buffer?.baseY ?? 0) - (buffer?.viewportY ?? 0);
  });

test("a drag scrolls with momentum, in the shell and in less", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  await terminal.run("seq 1 500");
  expect(await view(page)).toBe(0);
  await finger(page, [150, 150], [150, 450]);
  const dragged = 300 / 17;
  // It goes on after the finger was lifted, and stops by itself.
  await expect.poll(() => view(page)).toBeGreaterThan(dragged + 5);
  const still = async () => {
    const before = await view(page);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
    return (await view(page)) === before;
  };
  await expect.poll(still).toBe(true);
  expect(await page.evaluate(() => [window.scrollY, document.documentElement.scrollTop])).toEqual([0, 0]);
  await terminal.screenshot("phone-scrolled");
  await terminal.type("seq 1 500 | less");
  await terminal.press("Enter");
  await terminal.shows(/^1\n2\n/);
  await finger(page, [150, 450], [150, 150]);
  await expect.poll(async () => Number((await terminal.rows())[0])).toBeGreaterThan(dragged);
  await terminal.press("q");
  await context.close();
});

test("a long press selects a word, goes on with the finger, and can be copied", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  await terminal.run("echo first/word second third");
  const place = async (text: string): Promise<[number, number]> => {
    const rows = await terminal.rows();
    const row = rows.findIndex((line) => line.startsWith("first/word"));
    const screen = await page.locator(".xterm-screen").boundingBox();
    const { cols, rows: count } = await terminal.size();
    if (!screen) throw new Error("no screen");
    const col = (rows[row] ?? "").indexOf(text) + 2.5;
    return [screen.x + (col * screen.width) / cols, screen.y + ((row + 0.5) * screen.height) / count];
  };
  const selection = () => page.evaluate(() => window.termgate?.terminal?.getSelection());
  const word = await place("first/word");
  await finger(page, word, word, 700, 1);
  await expect.poll(selection).toBe("first/word");
  await finger(page, word, await place("third"), 700);
  await expect.poll(selection).toBe("first/word second thi");
  await terminal.screenshot("phone-selected");
  const keys = page.getByRole("toolbar", { name: "Keys" });
  await keys.getByRole("button", { name: "Copy" }).tap();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("first/word second thi");
  await expect(keys.getByRole("button", { name: "Copy" })).toHaveCount(0);
  for (const name of ["Alt", "Home", "End", "Page up", "Page down", "|", "/"]) {
    await expect(keys.getByRole("button", { name, exact: true })).toBeInViewport({ ratio: 1 });
  }
  await context.close();
});

test("a slow round trip and a notice leave the terminal its size and its selection", async ({ browser, launch }) => {
  const stack = await launch({}, "--fault", "out.delay=10..10");
  const context = await browser.newContext(PHONE);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(`${stack.url}/?pingMs=500`);
  await terminal.run("echo word");
  await terminal.settle();
  const size = await terminal.size();
  const word = await terminal.place(1, 2);
  await finger(page, word, word, 700, 1);
  const copy = page.getByRole("toolbar", { name: "Keys" }).getByRole("button", { name: "Copy" });
  await expect(copy).toBeVisible();
  await stack.faults("out.delay=400..400");
  await expect(page.locator(".tg-detail")).toHaveText(/^Slow: the connection takes/);
  await expect(page.locator(".tg-detail")).toBeHidden();
  expect(await terminal.fitted()).toEqual(size);
  await copy.tap();
  await expect(page.locator(".tg-toast")).toHaveText("Copied");
  await expect(page.locator(".tg-toast")).toBeInViewport({ ratio: 1 });
  expect(await terminal.fitted()).toEqual(size);
  await terminal.screenshot("phone-notice");
  await context.close();
});

const loupe = (page: Page) => page.locator(".termgate-loupe");

test("a loupe shows what the finger covers while it selects", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  await terminal.run("seq 1 9; echo abcdef 日本語");
  const touch = await Fingers.of(page);
  await touch.down(await terminal.place(10, 2));
  await expect(loupe(page)).toHaveText("abcdef 日");
  await expect(loupe(page).locator("span")).toHaveText("c");
  await touch.move(await terminal.place(10, 8));
  await expect(loupe(page).locator("span")).toHaveText("日");
  await touch.move(await terminal.place(10, 5));
  await expect(loupe(page).locator("span")).toHaveText("f");
  const box = await loupe(page).boundingBox();
  // Above the finger, and in the window.
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan((await terminal.place(10, 5))[1] - 20);
  expect(box?.x).toBeGreaterThanOrEqual(0);
  await terminal.screenshot("phone-loupe");
  await touch.up();
  await expect(loupe(page)).toHaveCount(0);
  expect(await page.evaluate(() => window.termgate?.terminal?.getSelection())).toBe("abcdef");
  await context.close();
});

test("two fingers change the font within bounds, also after a reload, and never zoom the page", async ({
  browser,
  stack,
}) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  const font = () => page.evaluate(() => window.termgate?.terminal?.options.fontSize);
  const { cols } = await terminal.size();
  const touch = await Fingers.of(page);
  const pinch = async (from: number, to: number) => {
    await touch.down([195 - from / 2, 300], [195 + from / 2, 300]);
    for (let step = 1; step <= 8; step += 1) {
      const half = (from + ((to - from) * step) / 8) / 2;
      await touch.move([195 - half, 300], [195 + half, 300]);
    }
    await touch.up();
  };
  await pinch(100, 200);
  await expect.poll(font).toBe(28);
  await expect.poll(async () => (await terminal.size()).cols).toBeLessThan(cols * 0.6);
  const { rows, cols: fewer } = await terminal.fitted();
  // The line wraps.
  expect((await terminal.run("stty size")).at(-1)).toBe(`${rows} ${fewer}`);
  await terminal.screenshot("phone-pinched");
  await page.reload();
  await terminal.prompt();
  await expect.poll(font).toBe(28);
  await pinch(60, 380);
  await expect.poll(font).toBe(40);
  await pinch(380, 20);
  await expect.poll(font).toBe(6);
  expect(await page.evaluate(() => window.visualViewport?.scale)).toBe(1);
  // Neither selected nor scrolled.
  expect(await page.evaluate(() => window.termgate?.terminal?.hasSelection())).toBe(false);
  await context.close();
});

test("a viewer's font is the window's, so two fingers zoom the page", async ({ browser, page, stack }) => {
  const claims = { sub: "owner", sid: "pinched" };
  await new TerminalPage(page).open(stack.address("pinched", { ...claims, role: "controller" }));
  const context = await browser.newContext(PHONE);
  const phone = await context.newPage();
  const terminal = new TerminalPage(phone);
  await terminal.open(stack.address("pinched", { ...claims, sub: "viewer", role: "viewer" }));
  const font = () => phone.evaluate(() => window.termgate?.terminal?.options.fontSize);
  const before = await font();
  const prevented = await phone.evaluate(() => {
    const touch = (clientX: number) =>
      new Touch({ identifier: clientX, target: document.querySelector(".xterm-screen") as Element, clientX });
    const send = (name: string, ...places: number[]) => {
      const touches = places.map(touch);
      const event = new TouchEvent(name, { touches, cancelable: true, bubbles: true });
      document.querySelector(".xterm-screen")?.dispatchEvent(event);
      return event.defaultPrevented;
    };
    return [send("touchstart", 100, 200), send("touchmove", 50, 250), send("touchend")];
  });
  expect(prevented).toEqual([false, false, false]);
  expect(await font()).toBe(before);
  await context.close();
});

test("a keyboard that covers the page moves the terminal up, without help of the page", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  // As Safari has it: the page keeps its height.
  await page.addInitScript(() => {
    const viewport = Object.assign(new EventTarget(), {
      offsetLeft: 0,
      offsetTop: 0,
      width: 390,
      height: 700,
      scale: 1,
    });
    Object.defineProperty(window, "visualViewport", { value: viewport });
  });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  await page.addStyleTag({ content: ".workspace { height: 100dvh !important; }" });
  const keyboard = (height: number) =>
    page.evaluate((height) => {
      const viewport = window.visualViewport as unknown as { height: number } & EventTarget;
      viewport.height = 700 - height;
      viewport.dispatchEvent(new Event("resize"));
    }, height);
  await terminal.run("seq 1 100");
  const { rows } = await terminal.size();
  const bottom = async () => {
    const box = await page.locator(".tg-status").boundingBox();
    return Math.round((box?.y ?? 0) + (box?.height ?? 0));
  };
  await keyboard(320);
  await expect.poll(bottom).toBe(380);
  await expect.poll(async () => (await terminal.size()).rows).toBeLessThan(rows - 10);
  const size = await terminal.fitted();
  expect(await terminal.run("stty size")).toEqual([`${size.rows} ${size.cols}`]);
  await terminal.screenshot("phone-keyboard");
  // The bars of a browser are no keyboard.
  await keyboard(60);
  await expect.poll(bottom).toBe(700);
  await keyboard(320);
  await expect.poll(bottom).toBe(380);
  await page.getByLabel("Settings").focus();
  await expect.poll(bottom).toBe(700);
  await context.close();
});
