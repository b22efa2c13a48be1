/**
 * The terminal as a person has it: a screen to read and a keyboard to type on.
 */

import { join } from "node:path";
import { expect, type Page } from "@playwright/test";

/** A prompt with nothing behind it. */
const PROMPT = /[$#] ?$/;

/** One page with a terminal. */
export class Screen {
  /** Whatever the browser's console calls an error. */
  readonly problems: string[] = [];
  /** WebSockets that were opened. */
  sockets = 0;

  constructor(readonly page: Page) {
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("console", (line) => line.type() === "error" && this.problems.push(line.text()));
    page.on("websocket", () => {
      this.sockets += 1;
    });
  }

  /** Opens the page and waits for the first prompt. */
  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.prompt();
  }

  /** The visible rows, without what is empty below. */
  async rows(): Promise<string[]> {
    const rows = await this.page.evaluate(() => {
      const terminal = window.termgate?.terminal;
      if (!terminal) return [];
      const { active } = terminal.buffer;
      return Array.from(
        { length: terminal.rows },
        (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
      );
    });
    while (rows.length > 0 && rows.at(-1) === "") rows.pop();
    return rows;
  }

  /** What has scrolled off, and the visible rows below it. */
  history(): Promise<string[]> {
    return this.page.evaluate(() => {
      const buffer = window.termgate?.terminal?.buffer.normal;
      const length = buffer?.length ?? 0;
      return Array.from({ length }, (_, row) => buffer?.getLine(row)?.translateToString(true) ?? "");
    });
  }

  /** The line below the terminal. */
  status(): Promise<string> {
    return this.page.locator("footer.tg-status").innerText();
  }

  async text(): Promise<string> {
    return (await this.rows()).join("\n");
  }

  size(): Promise<{ cols: number; rows: number }> {
    return this.page.evaluate(() => {
      const terminal = window.termgate?.terminal;
      return { cols: terminal?.cols ?? 0, rows: terminal?.rows ?? 0 };
    });
  }

  /** The shell waits for a command. */
  async prompt(timeout?: number): Promise<void> {
    const options = { message: "a prompt", ...(timeout !== undefined && { timeout }) };
    await expect.poll(async () => (await this.rows()).at(-1) ?? "", options).toMatch(PROMPT);
  }

  /** The screen shows it. */
  async shows(what: string | RegExp, timeout?: number): Promise<void> {
    const poll = expect.poll(() => this.text(), {
      message: `${what} on the screen`,
      ...(timeout !== undefined && { timeout }),
    });
    if (typeof what === "string") await poll.toContain(what);
    else await poll.toMatch(what);
  }

  /** Keys, one after the other. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** A command line on an empty screen, and the rows that it leaves there, the next prompt included. */
  async run(command: string, timeout?: number): Promise<string[]> {
    await this.press("Control+l");
    await expect.poll(async () => (await this.rows()).length, { message: "an empty screen" }).toBe(1);
    await this.type(command);
    await this.press("Enter");
    await expect.poll(async () => (await this.rows()).length, { message: "an answer" }).toBeGreaterThan(1);
    await this.prompt(timeout);
    return (await this.rows()).slice(1, -1);
  }

  /** A program's question to the terminal: what it is answered, up to `end`, without the escape character. */
  async ask(question: string, end: string): Promise<string> {
    // Quiet before it asks: the answer may be there before `read` could turn the echo off.
    const quiet = 'stty -echo -icanon; printf "$1"; IFS= read -r -d "$2" answer; stty sane';
    await this.run(`ask() { ${quiet}; echo "got \${answer#?}"; }`);
    const [row] = await this.run(`ask '${question}' ${end}`);
    return row?.replace(/^got /, "") ?? "";
  }

  /** As with Ctrl-V: the browser hands over the whole text at once. */
  async paste(text: string): Promise<void> {
    await this.page.evaluate((pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }, text);
  }

  /** Several lines into a program that takes them one by one: the page asks. */
  async confirmPaste(): Promise<void> {
    await this.page.getByRole("dialog").getByRole("button", { name: "Paste" }).click();
  }

  /** For people to look at. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(import.meta.dirname, "../test-results/screenshots", `${name}.png`) });
  }
}
