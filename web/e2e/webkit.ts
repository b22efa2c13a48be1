/**
 * Debian's WebKit (WebKitGTK's MiniBrowser), driven by its own WebDriver: Playwright drives no WebKit but one that it has
 * built.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { expect } from "@playwright/test";

/** It lies in the folder of the machine's architecture. */
const FOLDERS = readdirSync("/usr/lib").map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`);
const MINI_BROWSER = process.env.WEBKIT ?? FOLDERS.find((path) => existsSync(path));
const DRIVER = "/usr/bin/WebKitWebDriver";
const START_TIMEOUT_MS = 20_000;
/** Names of keys, as WebDriver numbers them. */
export const ENTER = "\ue007";
export const ESCAPE = "\ue00c";
export const CONTROL = "\ue009";
export const SHIFT = "\ue008";

/** A window. */
export class WebKit {
  private constructor(
    private readonly driver: ChildProcess,
    private readonly session: string,
  ) {}

  static async start(): Promise<WebKit> {
    if (!MINI_BROWSER) throw new Error("WebKit is missing: apt install webkit2gtk-driver xvfb, or set WEBKIT");
    const port = await freePort();
    // Its own sandbox needs namespaces that a container has not.
    const env = { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" };
    const driver = spawn(DRIVER, [`--port=${port}`], { env, stdio: "ignore" });
    const address = `http://127.0.0.1:${port}/session`;
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/status`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(answers, { timeout: START_TIMEOUT_MS, message: "the driver answers" }).toBe(true);
    const browser = { "webkitgtk:browserOptions": { binary: MINI_BROWSER, args: ["--automation"] } };
    const { sessionId } = await call<{ sessionId: string }>("POST", address, {
      capabilities: { alwaysMatch: browser },
    });
    return new WebKit(driver, `${address}/${sessionId}`);
  }

  async stop(): Promise<void> {
    await call("DELETE", this.session);
    this.driver.kill();
  }

  async open(url: string): Promise<void> {
    await call("POST", `${this.session}/url`, { url });
  }

  async reload(): Promise<void> {
    await call("POST", `${this.session}/refresh`, {});
  }

  /** Runs a function of the page, which knows nothing of the test. */
  evaluate<T>(script: () => T): Promise<T> {
    return call("POST", `${this.session}/execute/sync`, { script: `return (${script})();`, args: [] });
  }

  async type(text: string): Promise<void> {
    const actions = [...text].flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Presses keys together. */
  async press(...keys: string[]): Promise<void> {
    const actions = [
      ...keys.map((value) => ({ type: "keyDown", value })),
      ...keys.toReversed().map((value) => ({ type: "keyUp", value })),
    ];
    await call("POST", `${this.session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async resize(width: number, height: number): Promise<void> {
    await call("POST", `${this.session}/window/rect`, { width, height });
  }

  /** Presses the mouse at one place of the page, and releases it at another one. */
  async drag([fromX, fromY]: [number, number], [toX, toY]: [number, number]): Promise<void> {
    const move = (x: number, y: number) => ({ type: "pointerMove", x: Math.round(x), y: Math.round(y), duration: 50 });
    const button = (type: "pointerDown" | "pointerUp") => ({ type, button: 0 });
    const actions = [move(fromX, fromY), button("pointerDown"), move(toX, toY), button("pointerUp")];
    const mouse = { type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions };
    await call("POST", `${this.session}/actions`, { actions: [mouse] });
  }

  async screenshot(path: string): Promise<void> {
    writeFileSync(path, Buffer.from(await call<string>("GET", `${this.session}/screenshot`), "base64"));
  }
}

async function call<T>(method: string, address: string, body?: object): Promise<T> {
  const answer = await fetch(address, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = (await answer.json()) as { value: T };
  if (!answer.ok) throw new Error(`${method} ${address}: ${JSON.stringify(value)}`);
  return value;
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => found(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}
