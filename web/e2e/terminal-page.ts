/**
 * Page object of the terminal: reads the screen and types.
 */

import { join } from "node:path";
import { type BrowserContextOptions, type CDPSession, expect, type Page } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { isFirefox } from "./firefox.ts";

/** An empty prompt. */
const PROMPT = /[$#] ?$/;

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true };

export class TerminalPage {
  /** Uncaught exceptions and errors on the console. */
  readonly problems: string[] = [];
  /** Number of opened WebSockets. */
  sockets = 0;

  constructor(readonly page: Page) {
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("console", (line) => line.type() === "error" && this.problems.push(line.text()));
    const count = () => {
      this.sockets += 1;
    };
    if (isFirefox(page)) countSockets(page, count);
    else page.on("websocket", count);
  }

  /** Opens the page and waits for the first prompt. */
  async open(url: string): Promise<void> {
    await visit(this.page, url);
    await this.prompt();
  }

  /** The visible rows, without empty ones at the end. */
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

  /** Scrollback and screen. */
  history(): Promise<string[]> {
    return this.page.evaluate(() => {
      const buffer = window.termgate?.terminal?.buffer.normal;
      const length = buffer?.length ?? 0;
      return Array.from({ length }, (_, row) => buffer?.getLine(row)?.translateToString(true) ?? "");
    });
  }

  /** The text of the status line. */
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

  /** Waits until the terminal fills its window, so that no other size follows, and returns the size. */
  async fitted(): Promise<{ cols: number; rows: number }> {
    const fits = () =>
      this.page.evaluate(() => {
        const { element, cols = 0, rows = 0 } = window.termgate?.terminal ?? {};
        const grid = element?.querySelector(".xterm-screen")?.getBoundingClientRect();
        const room = element?.parentElement?.getBoundingClientRect();
        if (!grid || !room) return false;
        // Half a pixel is lost by rounding.
        const isFull = (all: number, used: number, count: number) =>
          used <= all + 0.5 && used + used / count > Math.floor(all) - 0.5;
        // xterm.js reserves 14 pixels for its scroll bar.
        return isFull(room.width - 14, grid.width, cols) && isFull(room.height, grid.height, rows);
      });
    await expect.poll(fits, { message: "the terminal fills its window" }).toBe(true);
    return this.size();
  }

  /** Waits until everything has its place: the time of a round trip in the status line, and the terminal beside it. */
  async settle(): Promise<void> {
    await expect(this.page.locator(".tg-latency").first()).toHaveText(/^\d+ ms$/);
    await this.fitted();
  }

  /** Waits for a prompt. */
  async prompt(timeout?: number): Promise<void> {
    const options = { message: "a prompt", ...(timeout !== undefined && { timeout }) };
    await expect.poll(async () => (await this.rows()).at(-1) ?? "", options).toMatch(PROMPT);
  }

  /** Opens another tab, and waits for its prompt: the tab before has one too. */
  async newTerminal(): Promise<void> {
    const shown = () => this.page.evaluate(() => window.termgate?.client.access.sessionId);
    const before = await shown();
    await this.page.getByLabel("New terminal").click();
    await expect.poll(shown, { message: "another session" }).not.toBe(before);
    await this.prompt();
  }

  /** Waits until the screen shows a text. */
  async shows(what: string | RegExp, timeout?: number): Promise<void> {
    const poll = expect.poll(() => this.text(), {
      message: `${what} on the screen`,
      ...(timeout !== undefined && { timeout }),
    });
    if (typeof what === "string") await poll.toContain(what);
    else await poll.toMatch(what);
  }

  /** The middle of a cell of the window. */
  async place(row: number, col: number): Promise<[number, number]> {
    const box = await this.page.locator(".xterm-screen").boundingBox();
    const { cols, rows } = await this.size();
    if (!box) throw new Error("no screen");
    return [box.x + ((col + 0.5) * box.width) / cols, box.y + ((row + 0.5) * box.height) / rows];
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** Starts a program that reads lines, and waits until it has the terminal: an earlier key would be the shell's. */
  async startReader(command: string): Promise<void> {
    const reader = () =>
      this.page.evaluate(() => {
        const canonical = window.termgate?.client.state.tty.canonical;
        const bracketed = window.termgate?.terminal?.modes.bracketedPasteMode;
        return canonical === bracketed ? "unknown" : canonical ? "a program" : "the shell";
      });
    await expect.poll(reader, { message: "the reader of keys" }).toBe("the shell");
    await this.type(command);
    await this.press("Enter");
    await expect.poll(reader, { message: "the reader of keys" }).toBe("a program");
  }

  /** Turns the echo on again, and waits for the prompt after it, because keys before that may be lost to `stty`. */
  async echoAgain(): Promise<void> {
    await this.type("stty echo; echo echo''es\n");
    await this.shows(/^echoes\n.*[$#] ?$/m);
  }

  /** Waits for the addons that are loaded after the terminal: links, images, and the clipboard for programs. */
  async addons(): Promise<void> {
    // The parts of xterm.js without a public interface.
    const loaded = () =>
      this.page.evaluate(() => {
        type Core = { _inputHandler: { _parser: { _oscParser: { _handlers: Record<number, unknown[]> } } } };
        const core = (window.termgate?.terminal as unknown as { _core?: Core } | null)?._core;
        // The first one keeps the emulator from answering.
        return (core?._inputHandler._parser._oscParser._handlers[52]?.length ?? 0) > 1;
      });
    await expect.poll(loaded, { message: "the addons are loaded" }).toBe(true);
  }

  /** Runs a command line on an empty screen and returns the rows of its output. */
  async run(command: string, timeout?: number): Promise<string[]> {
    await this.press("Control+l");
    await expect.poll(async () => (await this.rows()).length, { message: "an empty screen" }).toBe(1);
    await this.type(command);
    await this.press("Enter");
    await expect.poll(async () => (await this.rows()).length, { message: "an answer" }).toBeGreaterThan(1);
    await this.prompt(timeout);
    return (await this.rows()).slice(1, -1);
  }

  /** Sends a terminal query as a program does, and returns the reply up to `end`, without the escape character. */
  async query(query: string, end: string): Promise<string> {
    // The echo is off before the query, because the reply may arrive before `read`.
    const quiet = 'stty -echo -icanon; printf "$1"; IFS= read -r -d "$2" answer; stty sane';
    await this.run(`query() { ${quiet}; echo "got \${answer#?}"; }`);
    const [row] = await this.run(`query '${query}' ${end}`);
    return row?.replace(/^got /, "") ?? "";
  }

  /** Pastes like Ctrl-V. */
  async paste(text: string): Promise<void> {
    await this.page.evaluate((pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      const event = new ClipboardEvent("paste", { bubbles: true });
      // Firefox ignores it among the options.
      Object.defineProperty(event, "clipboardData", { value: data });
      document.activeElement?.dispatchEvent(event);
    }, text);
  }

  /** Confirms a paste of several lines. */
  async confirmPaste(): Promise<void> {
    await this.page.getByRole("dialog").getByRole("button", { name: "Paste" }).click();
  }

  /** Takes a screenshot. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(import.meta.dirname, "../test-results/screenshots", `${name}.png`) });
  }
}

/** By the page itself: WebDriver BiDi has no event for it. */
function countSockets(page: Page, count: () => void): void {
  const NOTE = "A WebSocket was opened.";
  page.on("console", (line) => line.text() === NOTE && count());
  // The next command comes after it.
  void page.addInitScript((note) => {
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        // biome-ignore lint/suspicious/noConsole: for the test
        console.debug(note);
      }
    };
  }, NOTE);
}

/** Sets preferences of the page before it opens. */
export async function prefers(page: Page, preferences: Record<string, boolean | string>): Promise<void> {
  await page.addInitScript((stored) => {
    // In Firefox it runs in the empty page before it too, which has no storage.
    if (location.protocol.startsWith("http")) localStorage.setItem("termgate.preferences", stored);
  }, JSON.stringify(preferences));
}

/** Leaves the page no way but WebSockets: it would change over to HTTP where they are refused or cut at once. */
export async function withoutFallback(page: Page): Promise<void> {
  await page.route("**/dev/token*", async (route) => {
    const response = await route.fetch().catch(() => undefined);
    if (response === undefined) {
      // The page goes on asking after the service has stopped.
      await route.abort();
      return;
    }
    const { httpUrl: _, ...token } = await response.json();
    await route.fulfill({ response, json: token });
  });
}

/** A pattern that allows line breaks anywhere. */
export function wrapped(text: string): string {
  return [...text].join("\\n?");
}

/** Fingers on the screen; each event is a frame later than the one before, however long a busy browser takes for it. */
export class Fingers {
  #seconds = Date.now() / 1000;

  private constructor(private readonly devtools: CDPSession) {}

  static async of(page: Page): Promise<Fingers> {
    return new Fingers(await page.context().newCDPSession(page));
  }

  down(...at: Array<[number, number]>): Promise<void> {
    return this.#send("touchStart", at);
  }

  move(...at: Array<[number, number]>): Promise<void> {
    return this.#send("touchMove", at);
  }

  up(): Promise<void> {
    return this.#send("touchEnd", []);
  }

  /** The time of the next events goes on. */
  rest(ms: number): void {
    this.#seconds += ms / 1000;
  }

  async #send(type: "touchStart" | "touchMove" | "touchEnd", at: Array<[number, number]>): Promise<void> {
    this.#seconds += 0.016;
    const touchPoints = at.map(([x, y], id) => ({ x, y, id }));
    await this.devtools.send("Input.dispatchTouchEvent", { type, touchPoints, timestamp: this.#seconds });
  }
}

/** A finger that moves on the screen; `hold` is the time before it moves, in ms. */
export async function finger(page: Page, from: [number, number], to: [number, number], hold = 0, steps = 12) {
  const touch = await Fingers.of(page);
  await touch.down(from);
  if (hold > 0) await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), hold);
  touch.rest(hold);
  for (let step = 1; step <= steps; step += 1) {
    const at = ([a, b]: [number, number]) => a + ((b - a) * step) / steps;
    await touch.move([at([from[0], to[0]]), at([from[1], to[1]])]);
  }
  await touch.up();
}
