/**
 * Predicted echo over a slow connection: what a person sees before the echo comes.
 */

import { expect, type Page } from "@playwright/test";
import { type Fixtures, test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** A round trip of 3 s: a browser on a busy machine types a word, and reads the screen, in less. */
const SLOW = ["--fault", "delay=1500..1500"];

/** A page on a slow connection that knows it, and that its shell is at a prompt: then keys are predicted at once. */
async function openSlow(page: Page, launch: Fixtures["launch"]): Promise<TerminalPage> {
  const terminal = new TerminalPage(page);
  await terminal.open((await launch({}, ...SLOW)).url);
  await expect(page.locator(".tg-latency")).toHaveText(/^\d+ ms$/);
  // The service may tell so some time after the prompt itself.
  await expect.poll(() => page.evaluate(() => window.termgate?.client.busy)).toBe(false);
  return terminal;
}

/** The predicted text that is shown now. */
const shown = (page: Page) => page.evaluate(() => document.querySelector(".termgate-prediction")?.textContent ?? "");

/** Records all predicted text from now on; the returned function returns it. */
async function recordPredictions(page: Page): Promise<() => Promise<string>> {
  await page.evaluate(() => {
    const texts: string[] = [];
    Object.assign(window, { predictions: texts });
    const record = () => texts.push(document.querySelector(".termgate-prediction")?.textContent ?? "");
    const screen = document.querySelector(".xterm-screen");
    if (screen) new MutationObserver(record).observe(screen, { childList: true, subtree: true });
  });
  return () => page.evaluate(() => (window as unknown as { predictions: string[] }).predictions.join("\n"));
}

test("at a prompt, keys show before their echo, and the buffer holds only the echo", async ({ page, launch }) => {
  const terminal = await openSlow(page, launch);
  await terminal.type("echo one");
  expect(await shown(page)).toContain("echo one");
  expect(await terminal.text()).not.toContain("echo one");
  await terminal.screenshot("prediction");
  await terminal.shows("echo one");
  await expect.poll(() => shown(page)).toBe("");
  // Within the line.
  for (const key of ["Backspace", "Backspace", "Backspace", "ArrowLeft"]) await terminal.press(key);
  await terminal.type("-n two");
  expect(await shown(page)).toContain("-n two");
  await terminal.screenshot("prediction-inside");
  await terminal.shows("echo-n two");
  await expect.poll(() => shown(page)).toBe("");
});

test("nothing shows that a program does not echo", async ({ page, launch }) => {
  const terminal = await openSlow(page, launch);
  const predictions = await recordPredictions(page);
  await terminal.type("read -s secret");
  await terminal.press("Enter");
  await terminal.type("hidden1");
  await terminal.shows(/read -s secret/);
  await terminal.type("hidden2");
  await terminal.press("Enter");
  await terminal.prompt();
  await terminal.type("stty -echo");
  await terminal.press("Enter");
  await terminal.shows(/stty -echo\n.*[$#] $/);
  await terminal.type("hidden3");
  await terminal.press("Enter");
  await terminal.shows("command not found");
  await terminal.type("stty echo");
  await terminal.press("Enter");
  await terminal.shows(/not found\n(.*[$#] ?)+$/);
  const text = await predictions();
  // Each key may lose its mark as the echo comes.
  expect(text).toContain("-s");
  expect(text).not.toContain("hid");
});

test("in vim, keys show once it inserts text, and commands never", async ({ page, launch }) => {
  const terminal = await openSlow(page, launch);
  await terminal.type("vim -u NONE -N notes.txt");
  await terminal.press("Enter");
  await terminal.shows(/"notes\.txt" \[New/);
  const predictions = await recordPredictions(page);
  await terminal.type("i");
  await terminal.shows("-- INSERT --");
  await terminal.type("one");
  await terminal.shows("one");
  await terminal.type(" two");
  expect(await shown(page)).toContain("two");
  await terminal.screenshot("prediction-vim");
  await terminal.press("Escape");
  await terminal.type("0x:wq");
  await terminal.press("Enter");
  await terminal.prompt();
  expect(await predictions()).not.toContain("x");
  expect(await terminal.run("cat notes.txt")).toEqual(["ne two"]);
});
