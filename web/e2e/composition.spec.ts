/**
 * Input methods through Chromium's own interface: composition, dead keys, emoji pickers and the keyboards of phones type
 * each character exactly once, with predicted echo, without it, and over a connection that breaks.
 */

import { type CDPSession, expect, type Page } from "@playwright/test";
import { type Fixtures, test } from "./stack.ts";
import { PHONE, prefers, TerminalPage } from "./terminal-page.ts";

/** The code of a key that an input method handles. */
const INPUT_METHOD_KEY = 229;

class InputMethod {
  private constructor(private readonly devtools: CDPSession) {}

  static async of(page: Page): Promise<InputMethod> {
    return new InputMethod(await page.context().newCDPSession(page));
  }

  /** Composes a text in steps, each with the key that an input method sees. */
  async compose(...steps: string[]): Promise<void> {
    for (const text of steps) {
      await this.#key("keyDown");
      const end = text.length;
      await this.devtools.send("Input.imeSetComposition", { text, selectionStart: end, selectionEnd: end });
      await this.#key("keyUp");
    }
  }

  /** Ends a composition with a text, or writes one without. */
  async commit(text: string): Promise<void> {
    await this.#key("keyDown");
    await this.devtools.send("Input.insertText", { text });
    await this.#key("keyUp");
  }

  /** As an emoji picker does: no key. */
  async insert(text: string): Promise<void> {
    await this.devtools.send("Input.insertText", { text });
  }

  async #key(type: "keyDown" | "keyUp"): Promise<void> {
    const rawType = type === "keyDown" ? "rawKeyDown" : type;
    const key = { key: "Process", windowsVirtualKeyCode: INPUT_METHOD_KEY };
    await this.devtools.send("Input.dispatchKeyEvent", { type: rawType, ...key });
  }
}

const SLOW = ["--fault", "delay=300..300"];
const composing = (page: Page) => page.locator(".composition-view.active");
const MIXED = "echo 你好 한글 héllo 👩‍🚀 日本!";

/** Types the line above by one input method after the other. */
async function typeMixed(page: Page, input: InputMethod): Promise<void> {
  await page.keyboard.type("echo ");
  await input.compose("n", "ni", "ni h", "ni hao");
  await expect(composing(page)).toHaveText("ni hao");
  await input.commit("你好");
  await expect(composing(page)).toHaveCount(0);
  await page.keyboard.type(" ");
  // Each syllable goes on with the last letter of the one before.
  await input.compose("ㅎ", "하", "한");
  await input.commit("한");
  await input.compose("ㄱ", "그", "글");
  await input.commit("글");
  await page.keyboard.type(" h");
  // A dead key.
  await input.compose("´");
  await input.commit("é");
  await page.keyboard.type("llo ");
  await input.insert("👩‍🚀");
  await page.keyboard.type(" ");
  await input.compose("に", "にほ", "日本");
  await input.commit("日本");
  await page.keyboard.type("!");
}

/** A page on a slow connection, where keys show before their echo. */
async function openSlow(page: Page, launch: Fixtures["launch"]): Promise<TerminalPage> {
  const terminal = new TerminalPage(page);
  await terminal.open((await launch({}, ...SLOW)).url);
  await expect(page.locator(".tg-latency")).toHaveText(/^\d+ ms$/);
  return terminal;
}

for (const screenReader of [false, true]) {
  test(`input methods type once${screenReader ? " with a screen reader" : ""}`, async ({ page, stack }) => {
    await prefers(page, { screenReader });
    const terminal = new TerminalPage(page);
    await terminal.open(stack.url);
    await typeMixed(page, await InputMethod.of(page));
    await terminal.press("Enter");
    await terminal.shows(`\n${MIXED.slice(5)}\n`);
    expect((await terminal.rows())[0]).toMatch(new RegExp(`[$#] ${MIXED}$`));
    expect(terminal.problems).toEqual([]);
  });
}

/** The text field of the terminal, which a screen reader reads. */
const fieldOf = (page: Page) => page.getByRole("textbox", { name: "Terminal input" });

test("a key deletes one character with a screen reader, which sees it go", async ({ page, stack }) => {
  await prefers(page, { screenReader: true });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const input = await InputMethod.of(page);
  await terminal.type("echo Abcd");
  await expect(fieldOf(page)).toHaveValue("echo Abcd");
  await terminal.press("Backspace");
  await terminal.press("Backspace");
  await terminal.shows(/[$#] echo Ab$/m);
  await expect(fieldOf(page)).toHaveValue("echo Ab");
  // The caret of the field follows; what an input method writes belongs where the shell's cursor is.
  await terminal.press("ArrowLeft");
  await input.compose("n", "ni");
  await input.commit("你");
  await terminal.shows(/[$#] echo A你b$/m);
  await terminal.press("Delete");
  await terminal.press("Backspace");
  await terminal.press("Backspace");
  await terminal.shows(/[$#] echo ?$/m);
  // More of the shell's line than of the field: its last space too.
  await terminal.press("Backspace");
  await terminal.press("Backspace");
  await terminal.shows(/[$#] ech$/m);
  expect(terminal.problems).toEqual([]);
});

test("input methods write beside what is selected by mouse, and replace none of it", async ({ page, terminal }) => {
  const input = await InputMethod.of(page);
  const select = async () => {
    const [row = ""] = await terminal.rows();
    await page.mouse.dblclick(...(await terminal.place(0, row.indexOf("kept"))));
    await expect(fieldOf(page)).toHaveValue("kept");
  };
  await terminal.type("echo these words are kept");
  await terminal.shows("words are kept");
  await select();
  await input.compose("n", "ni");
  await input.commit("你");
  await terminal.shows(/[$#] echo these words are kept你$/m);
  await terminal.press("Backspace");
  await terminal.shows(/[$#] echo these words are kept$/m);
  await select();
  await input.insert("🙂");
  await terminal.shows(/[$#] echo these words are kept🙂$/m);
  expect(terminal.problems).toEqual([]);
});

test("an emoji picker types once after a capital letter", async ({ page, terminal }) => {
  const input = await InputMethod.of(page);
  await terminal.type("echo A");
  await input.insert("🙂");
  await terminal.shows(/[$#] echo A🙂$/m);
});

test("input methods type once while keys show before their echo", async ({ page, launch }) => {
  const terminal = await openSlow(page, launch);
  await typeMixed(page, await InputMethod.of(page));
  await terminal.screenshot("composition-predicted");
  await terminal.press("Enter");
  await terminal.shows(`\n${MIXED.slice(5)}\n`);
  await expect
    .poll(() => page.evaluate(() => document.querySelector(".termgate-prediction")?.textContent ?? ""))
    .toBe("");
});

test("a composition lasts over a new connection, and types once", async ({ page, launch }) => {
  const terminal = new TerminalPage(page);
  const stack = await launch({}, "--fault", "delay=0..0");
  await terminal.open(stack.url);
  const input = await InputMethod.of(page);
  await terminal.type("echo ");
  await input.compose("n", "ni", "ni hao");
  await stack.cut("abort");
  await input.compose("ni hao m");
  await input.commit("你好吗");
  await input.insert("👍");
  await expect.poll(() => terminal.sockets).toBeGreaterThan(1);
  await terminal.press("Enter");
  await terminal.shows("\n你好吗👍\n");
});

test("a composition is shown at the cursor until it ends", async ({ page, terminal }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  const input = await InputMethod.of(page);
  await terminal.type("echo ");
  await terminal.shows("$ echo ");
  await input.compose("に", "にほん");
  const [x] = await terminal.place(0, (await terminal.text()).length);
  const box = await composing(page).boundingBox();
  expect(Math.abs((box?.x ?? 0) - x)).toBeLessThan(12);
  await terminal.screenshot("composition");
  // A key of its own ends it first.
  await terminal.press("Enter");
  await terminal.shows("\nにほん\n");
  await expect(composing(page)).toHaveCount(0);
});

test("a phone's keyboard types, corrects and deletes, and the touch keys come after it", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.settle();
  const input = await InputMethod.of(page);
  const keys = page.getByRole("toolbar", { name: "Keys" });
  await input.compose("e", "ec", "ech");
  // A suggestion that was tapped.
  await input.commit("echo ");
  await input.compose("t", "te", "teh");
  await input.commit("the");
  await terminal.shows("$ echo the");
  await input.compose("a", "ab");
  // Before the word is finished.
  await keys.getByRole("button", { name: "Home" }).tap();
  await input.commit("#");
  await terminal.shows("$ #echo theab");
  await keys.getByRole("button", { name: "Control" }).tap();
  await input.compose("e");
  await input.commit(" 1");
  await terminal.press("Enter");
  await terminal.shows(/[$#] #echo theab 1\n/);
  await input.compose("c", "ca", "cat");
  await keys.getByRole("button", { name: "Control" }).tap();
  await input.compose("c");
  await terminal.shows(/[$#] cat\^C\n/);
  await context.close();
});
