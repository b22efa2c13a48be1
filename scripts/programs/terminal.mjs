// An isolated session of a service of its own, driven as the page drives it: the client's core, the addon, and xterm.js.

import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const require = createRequire(join(ROOT, "web/package.json"));
const { Terminal } = require("@xterm/headless");
const WebSocket = require("ws");
const { TerminalClient } = await import(join(ROOT, "web/dist/core/index.js"));
const { TermgateAddon, installWidths } = await import(join(ROOT, "web/dist/xterm/index.js"));

/** Longest wait for an answer of a program, in ms. */
const PATIENCE_MS = 30_000;
/** Often enough for people, in ms. */
const POLL_MS = 50;
const SECRET = randomBytes(32).toString("hex");

/** Starts a service with isolation, at a free port. */
export async function startService() {
  const home = mkdtempSync(join(tmpdir(), "termgate-programs-"));
  const port = await freePort();
  const env = { PATH: process.env.PATH, HOME: home, HOST: "127.0.0.1", PORT: String(port), LANG: "C.UTF-8" };
  const secrets = { JWT_SECRET: SECRET, GATEWAY_SECRET: randomBytes(32).toString("hex") };
  const limits = { MAX_SESSIONS_PER_USER: "1000", REQUIRE_ISOLATION: "true", ALLOWED_ORIGINS: "http://localhost" };
  const service = spawn(join(ROOT, "target/debug/termgate"), [], { cwd: home, env: { ...env, ...secrets, ...limits } });
  let log = "";
  for (const stream of [service.stdout, service.stderr]) stream.on("data", (data) => (log += data));
  const gone = new Promise((resolve) => service.once("exit", resolve));
  const healthy = () => fetch(`http://127.0.0.1:${port}/health`).then(({ ok }) => ok, () => false);
  await until(() => service.exitCode !== null || healthy(), "the service does not start");
  if (service.exitCode !== null) throw new Error(`the service ended:\n${log}`);
  const stop = async () => {
    service.kill();
    await gone;
    rmSync(home, { recursive: true, force: true });
  };
  return { port, stop };
}

/** A session with a prompt. */
export class Session {
  static #count = 0;

  constructor(port) {
    const sessionId = `programs-${process.pid}-${++Session.#count}`;
    const now = Math.floor(Date.now() / 1000);
    this.terminal = new Terminal({ cols: 100, rows: 30, allowProposedApi: true, logLevel: "off" });
    installWidths(this.terminal);
    this.client = new TerminalClient({
      url: `ws://127.0.0.1:${port}/terminal`,
      sessionId,
      token: sign({ sub: "programs", sid: sessionId, iat: now, exp: now + 3600 }),
      socket: (url, protocols) => new WebSocket(url, protocols, { origin: "http://localhost" }),
      logLevel: "error",
    });
    this.terminal.loadAddon(new TermgateAddon(this.client));
  }

  /** Waits for the prompt of the shell. */
  async open() {
    this.client.connect();
    await this.sees(/\$ $/);
  }

  /** The screen's text, without the empty rows below the cursor. */
  screen() {
    const { active } = this.terminal.buffer;
    const rows = Array.from({ length: this.terminal.rows }, (_, y) => active.getLine(active.baseY + y));
    const text = rows.map((row) => row?.translateToString(true) ?? "").join("\n");
    return text.replace(/\n+$/, "");
  }

  /** Waits until the screen shows it. */
  sees(wanted) {
    // The prompt ends with a space, which is not trimmed where it was printed.
    return until(() => wanted.test(this.screen()), () => `${wanted} is missing on the screen:\n${this.screen()}`);
  }

  /** Types keys, in the order of fingers. */
  type(keys) {
    this.terminal.input(keys);
  }

  /** Runs a command line to its end. */
  async run(command) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end of \`${command}\`:\n${this.screen()}`)), 2 * PATIENCE_MS);
    });
    const { result, exitCode } = await Promise.race([this.client.executeCommand(command), late]);
    clearTimeout(timer);
    return { output: result.replace(/\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\r/g, "").trim(), exitCode };
  }

  async close() {
    this.client.close();
    await until(() => this.client.state.status !== "connected", "the session does not end");
    this.client.disconnect();
    this.terminal.dispose();
  }
}

async function until(holds, why) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(typeof why === "string" ? why : why());
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function sign(claims) {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
