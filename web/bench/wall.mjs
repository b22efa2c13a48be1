/**
 * Measures what an instructor's wall costs the browser: students whose shells print several coloured lines every second,
 * and one wall of all of them in Chromium, looked at for a minute. Prints the processor time as parts of a core.
 *
 *     node bench/wall.mjs [STUDENTS...]     after `cargo build --release --bins` and `npm run build`
 */

import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import WebSocket from "ws";
import { TerminalClient } from "../dist/core/index.js";

/** Time that is measured, in ms. */
const TIME_MS = 60_000;
/** Time until all screens are there, in ms. */
const SETTLE_MS = 10_000;
/** Longest wait for a process, in ms. */
const START_MS = 20_000;
/** Ticks of processor time in a second, as in /proc. */
const TICKS = 100;
/** Five lines of a listing, anew each second. */
const LOOP = "while sleep 1; do ls -l --color=always /usr/bin | shuf -n 5; done\r";
const SIZE = { cols: 80, rows: 24 };
const ROOT = join(import.meta.dirname, "../..");

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const secrets = { JWT_SECRET: randomBytes(32).toString("hex"), GATEWAY_SECRET: randomBytes(32).toString("hex") };

function sign(claims) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const payload = encode({ iat: now, exp: now + 3600, grp: "class", ...claims });
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${payload}`;
  return `${body}.${createHmac("sha256", secrets.JWT_SECRET).update(body).digest("base64url")}`;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function start(name, args, variables, url) {
  const env = { PATH: process.env.PATH, RUST_LOG: "error", ...secrets, ...variables };
  const child = spawn(join(ROOT, "target/release", name), args, { env, stdio: ["ignore", "ignore", "inherit"] });
  for (const began = Date.now(); ; await sleep(100)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return child;
    if (child.exitCode !== null || Date.now() - began > START_MS) throw new Error(`${name} does not start`);
  }
}

/** A student's page, without a screen. */
async function student(url, number) {
  const sessionId = `student-${number}`;
  const token = sign({ sub: sessionId, sid: sessionId, name: `Student ${number}` });
  const client = new TerminalClient({
    url,
    token,
    sessionId,
    size: SIZE,
    // A connection that fails is reported by its end.
    socket: (address, protocols) => new WebSocket(address, protocols).on("error", () => {}),
    logLevel: "error",
  });
  const surface = { reset() {}, resize() {}, progress() {}, write: (_bytes, parsed) => parsed?.() };
  client.attach(surface);
  client.connect();
  client.input(LOOP);
  return client;
}

/** Processor time of a process and those that it started, in seconds; and that of the pages among them. */
function processorTime(root) {
  const processes = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS;
      processes.set(Number(pid), { parent: Number(fields[1]), seconds, isPage: command.includes("--type=renderer") });
    } catch {
      // It has ended meanwhile.
    }
  }
  const isOurs = (pid) => pid === root || (processes.has(pid) && isOurs(processes.get(pid).parent));
  let [all, pages] = [0, 0];
  for (const [pid, { seconds, isPage }] of processes) {
    if (!isOurs(pid)) continue;
    all += seconds;
    if (isPage) pages += seconds;
  }
  return { all, pages };
}

async function measure(students) {
  const home = mkdtempSync(join(tmpdir(), "termgate-wall-"));
  const [gatewayPort, port] = [await freePort(), await freePort()];
  const [address, service] = [`127.0.0.1:${gatewayPort}`, `http://127.0.0.1:${port}`];
  const variables = { HOST: "127.0.0.1", PORT: String(port), HOME: home, ALLOWED_ORIGINS: `http://${address}` };
  const pages = join(ROOT, "web/app/out");
  const flags = ["--listen", address, "--backend-url", service, "--static", pages];
  const processes = [await start("termgate", [], variables, `${service}/health`)];
  processes.push(await start("dev-gateway", flags, {}, `http://${address}/`));
  const clients = [];
  for (let number = 1; number <= students; number += 1) {
    clients.push(await student(`ws://${address}/prod`, number));
    await sleep(50);
  }
  const server = await chromium.launchServer({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  const token = sign({ sub: "instructor", role: "instructor", name: "Instructor" });
  await page.goto(`http://${address}/class?class=class#${new URLSearchParams({ token, at: "/prod" })}`);
  await page
    .locator(".tg-wall-tile")
    .nth(students - 1)
    .waitFor({ timeout: 60_000 });
  await sleep(SETTLE_MS);
  const before = processorTime(server.process().pid);
  await sleep(TIME_MS);
  const after = processorTime(server.process().pid);
  const screen = join(ROOT, `web/test-results/wall-${students}.png`);
  await page.screenshot({ path: screen });
  await browser.close();
  await server.close();
  for (const client of clients) client.disconnect();
  for (const child of processes.reverse()) child.kill();
  await Promise.all(processes.map((child) => new Promise((resolve) => child.once("exit", resolve))));
  rmSync(home, { recursive: true, force: true });
  const part = (name) => Number((((after[name] - before[name]) * 1000) / TIME_MS).toFixed(3));
  return { students, page: part("pages"), browser: part("all") };
}

process.stdout.write(`${cpus()[0].model}; parts of a core, over ${TIME_MS / 1000} s\n`);
const asked = process.argv.slice(2).map(Number);
for (const students of asked.length > 0 ? asked : [30, 100]) {
  process.stdout.write(`${JSON.stringify(await measure(students))}\n`);
}
