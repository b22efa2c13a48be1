/**
 * What a person sees, and does not see, when the way to the shell breaks.
 */

import { createHash } from "node:crypto";
import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { startStack, test } from "./stack.ts";

test("typing goes on over connections that are cut every second", async ({ page }) => {
  test.setTimeout(120_000);
  const stack = await startStack("--lifetime-seconds", "1");
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    // Keys that come while bash hands the terminal over are the terminal's to lose.
    await screen.type("printf 'rea''dy\\n'; cat");
    await screen.press("Enter");
    await screen.shows("ready");
    const keys = Array.from({ length: 250 }, (_, at) => String.fromCharCode(97 + (at % 26))).join("");
    await page.keyboard.type(keys, { delay: 40 });
    await screen.press("Enter");
    // Once as it was typed, and once as `cat` got it.
    await screen.shows(new RegExp(`ready\\s+${wrapped(keys)}\\s+${wrapped(keys)}$`), 60_000);
    expect(screen.sockets).toBeGreaterThan(3);
  } finally {
    await stack.stop();
  }
});

test("a connection that is cut in the middle of vim comes back by itself, and the file is intact", async ({ page }) => {
  const stack = await startStack("--fault", "none");
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("vim -u NONE -N notes.txt");
    await screen.press("Enter");
    await screen.shows(/"notes\.txt" \[New/);
    await screen.type("i");
    const lines: string[] = [];
    for (const how of ["abort", "close", "abort"] as const) {
      const cut = stack.cut(how);
      for (let row = 0; row < 4; row += 1) {
        lines.push(`line ${lines.length}: grüße 日本 😀 ${how}`);
        await page.keyboard.type(lines.at(-1) ?? "", { delay: 15 });
        await screen.press("Enter");
      }
      await cut;
      await screen.shows(lines.at(-1) ?? "");
    }
    expect(await screen.status()).toContain("Connected");
    expect(screen.sockets).toBe(4);
    await screen.picture("cut-in-vim");
    // Nor is anything on the screen that vim did not put there: it draws the same again.
    const drawn = await screen.text();
    await screen.press("Escape");
    await screen.press("Control+l");
    await screen.shows(lines.at(-1) ?? "");
    expect((await screen.rows()).slice(0, 12)).toEqual(drawn.split("\n").slice(0, 12));
    await screen.type(":wq");
    await screen.press("Enter");
    await screen.prompt();
    expect((await screen.run("cat notes.txt")).filter(Boolean)).toEqual(lines);
    expect(screen.problems).toEqual([]);
  } finally {
    await stack.stop();
  }
});

test("in a storm, every key arrives once and in order, and every line of output", async ({ page }) => {
  test.setTimeout(180_000);
  const storm = "reorder=0.2,repeat=0.05,lose=0.02,delay=0..50,cut-every=200";
  const stack = await startStack("--fault", storm, "--seed", "3");
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("stty -echo; (for i in $(seq 1 300); do echo out $i; sleep 0.05; done) & cat > typed.txt");
    await screen.press("Enter");
    await screen.shows(/^out 1$/m, 30_000);
    const lines = Array.from({ length: 30 }, (_, at) => `key ${at} grüße 日本 😀 abcdefghij`);
    for (const line of lines) await page.keyboard.type(`${line}\n`, { delay: 10 });
    await screen.shows(/^out 300$/m, 60_000);
    const shown = (await screen.history()).filter((line) => /^out \d+$/.test(line));
    expect(shown).toEqual(Array.from({ length: 300 }, (_, at) => `out ${at + 1}`));
    await stack.faults("none");
    await screen.press("Control+d");
    await screen.prompt(30_000);
    await screen.type("stty echo");
    await screen.press("Enter");
    const sum = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
    expect(await screen.run("sha256sum < typed.txt", 30_000)).toEqual([`${sum.digest("hex")}  -`]);
    expect(screen.sockets).toBeGreaterThan(2);
  } finally {
    await stack.stop();
  }
});

test("a reload in the middle of a full-screen program finds the same screen, and the scrollback behind it", async ({
  page,
  stack,
}) => {
  const screen = new Screen(page);
  await screen.open(stack.url);
  await screen.run("for i in $(seq 1 200); do echo scrolled $i; done");
  await screen.type("vim -u NONE -N");
  await screen.press("Enter");
  await screen.shows("VIM - Vi IMproved");
  await page.keyboard.type(":set number ruler laststatus=2 | split\n");
  await page.keyboard.type("ione\ntwo\nthree", { delay: 5 });
  await screen.shows(/3 three/);
  const before = await screen.rows();
  await screen.picture("before-reload");
  await page.reload();
  await expect.poll(() => screen.rows()).toEqual(before);
  await screen.picture("after-reload");
  const scrolled = async () => (await screen.history()).filter((line) => /^scrolled \d+$/.test(line));
  expect(await scrolled()).toEqual(Array.from({ length: 200 }, (_, at) => `scrolled ${at + 1}`));
  // vim is where it was: in insert mode, at the end of the line.
  await screen.type("!");
  await screen.shows(/3 three!/);
  await screen.press("Escape");
  await screen.type(":qa!");
  await screen.press("Enter");
  await screen.prompt();
  expect(await screen.run("echo same shell")).toEqual(["same shell"]);
  expect(screen.problems).toEqual([]);
});

test("when the service dies, a new shell starts below what the old one left, and nothing typed for that one runs in it", async ({
  page,
}) => {
  const stack = await startStack();
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("remembered=yes; echo before");
    await screen.press("Enter");
    await screen.shows(/^before$/m);
    const prompts = async () => (await screen.rows()).filter((row) => /[$#] ?$/.test(row)).length;
    expect(await prompts()).toBe(1);
    await stack.killService();
    await screen.type("touch typed-for-the-old-one");
    await screen.press("Enter");
    await expect(page.locator(".tg-detail")).toHaveText(/service/);
    await stack.startService();
    await expect.poll(prompts).toBe(2);
    await expect(page.locator(".tg-detail")).toHaveText(/discarded/);
    await screen.type('echo "after <$remembered>" *');
    await screen.press("Enter");
    await screen.shows(/^after <> \*$/m);
    await screen.picture("new-shell");
  } finally {
    await stack.stop();
  }
});

test("when the service is replaced, the page goes on in a new shell and says so", async ({ page }) => {
  const stack = await startStack();
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("echo before");
    await screen.press("Enter");
    await screen.shows(/^before$/m);
    await stack.stopService();
    await expect(page.locator("[data-status=reconnecting]")).toBeVisible();
    await stack.startService();
    await expect(page.locator(".tg").getByRole("alert")).toContainText(
      "The shell was restarted: the service was replaced.",
    );
    await expect(page.locator("[data-status=connected]")).toBeVisible();
    await screen.prompt();
    await screen.shows(/^before$/m);
    expect(await screen.run("echo after")).toEqual(["after"]);
    // It stays until somebody has seen it.
    await page.getByLabel("Dismiss").click();
    await expect(page.locator(".tg").getByRole("alert")).toHaveCount(0);
    expect(screen.problems).toEqual([]);
  } finally {
    await stack.stop();
  }
});

/** The text as it may stand on a screen that is narrower. */
function wrapped(text: string): string {
  return [...text].join("\\n?");
}
