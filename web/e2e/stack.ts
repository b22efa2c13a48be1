/**
 * Starts gateway and service as real processes on free ports with random secrets.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { DEV_TOKEN_KEY } from "./dev-token.ts";
import { TerminalPage } from "./terminal-page.ts";

const ROOT = join(import.meta.dirname, "../..");
const BINARIES = join(ROOT, "target/debug");
const PAGE = join(ROOT, "web/app/out");
/** Long enough for a busy machine. */
const START_TIMEOUT_MS = 20_000;
/** Instances of the service; several share a load balancer and a Redis. */
const INSTANCES = Number(process.env.TERMGATE_INSTANCES ?? "1");

export interface Stack {
  /** The page's address. */
  url: string;
  /** The page's address for a session, with a token of these claims that is valid for an hour. */
  address(session: string, claims: Record<string, unknown>): string;
  /** Cuts every connection, with a close frame or without. Like `faults`, needs `--fault`. */
  cut(how: "abort" | "close"): Promise<void>;
  /** Changes the plan of `--fault`. */
  faults(plan: string): Promise<void>;
  /** Kills the service, and with it every shell. */
  killService(): Promise<void>;
  /** Stops the service, as a deployment does. */
  stopService(): Promise<void>;
  /** Starts another service at the same address. */
  startService(): Promise<void>;
  stop(): Promise<void>;
}

export interface Fixtures {
  /** The page with a prompt, on the shared stack. */
  terminal: TerminalPage;
  /** Starts a stack for one test; the service and the gateway may get more settings. */
  launch(settings: Record<string, string>, ...gatewayArgs: string[]): Promise<Stack>;
}

/** `stack` is shared by all tests of a worker. */
export const test = base.extend<Fixtures, { stack: Stack }>({
  stack: [
    // biome-ignore lint/correctness/noEmptyPattern: playwright requires a destructured argument
    async ({}, use) => {
      const stack = await startStack({});
      await use(stack);
      await stack.stop();
    },
    { scope: "worker", timeout: 2 * START_TIMEOUT_MS },
  ],
  terminal: async ({ page, stack }, use) => {
    const terminal = new TerminalPage(page);
    await terminal.open(stack.url);
    await use(terminal);
  },
  // biome-ignore lint/correctness/noEmptyPattern: playwright requires a destructured argument
  launch: async ({}, use) => {
    const stacks: Stack[] = [];
    await use(async (settings, ...gatewayArgs) => {
      const stack = await startStack(settings, ...gatewayArgs);
      stacks.push(stack);
      return stack;
    });
    for (const stack of stacks) await stack.stop();
  },
});

async function startStack(settings: Record<string, string>, ...gatewayArgs: string[]): Promise<Stack> {
  const home = mkdtempSync(join(tmpdir(), "termgate-e2e-"));
  const secrets = { JWT_SECRET: secret(), GATEWAY_SECRET: secret() };
  const gatewayPort = await freePort();
  const ports = await Promise.all(Array.from({ length: INSTANCES }, freePort));
  const shared = ports.length > 1 ? await startShared(ports, home) : undefined;
  const url = `http://127.0.0.1:${gatewayPort}`;
  const backendUrl = shared?.url ?? `http://127.0.0.1:${ports[0]}`;
  const redis = shared ? { REDIS_URL: shared.redis, ADVERTISE_URL: "auto" } : undefined;
  // All tests share one user.
  const limits = { MAX_SESSIONS_PER_USER: "100", ALLOWED_ORIGINS: url };
  const common = { ...secrets, ...redis, HOST: "127.0.0.1", HOME: home, ...limits, ...settings };
  const service = () => ports.map((port) => start("termgate", [], { ...common, PORT: String(port) }, home));
  const waitForBackend = (backend: Process[]) =>
    Promise.all(backend.map((instance, at) => waitUntilHealthy(`http://127.0.0.1:${ports[at]}/health`, instance)));
  const listen = ["--listen", `127.0.0.1:${gatewayPort}`, "--backend-url", backendUrl, "--static", PAGE, "--dev-token"];
  let backend = service();
  const gateway = start("dev-gateway", [...listen, ...gatewayArgs], { ...secrets, DEV_TOKEN_KEY, ...settings }, home);
  const stack: Stack = {
    url,
    address(session, claims) {
      const now = Math.floor(Date.now() / 1000);
      const token = sign({ iat: now, exp: now + 3600, ...claims }, secrets.JWT_SECRET);
      return `${url}/?session=${session}#${new URLSearchParams({ token, at: "/prod" })}`;
    },
    cut: (how) => post(`${url}/dev/cut?connection=all&with=${how}`),
    faults: (plan) => post(`${url}/dev/faults`, plan),
    killService: () => stopAll(backend, "SIGKILL"),
    stopService: () => stopAll(backend),
    async startService() {
      backend = service();
      await waitForBackend(backend);
    },
    async stop() {
      await Promise.all([stop(gateway), stopAll(backend)]);
      if (shared) await stopShared(shared.process);
      rmSync(home, { recursive: true, force: true });
    },
  };
  try {
    await waitForBackend(backend);
    await waitUntilHealthy(`${url}/`, gateway);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Parts that several instances share: a Redis, and a load balancer in front of them. */
async function startShared(ports: number[], cwd: string): Promise<{ process: Process; redis: string; url: string }> {
  const backends = ports.flatMap((port) => ["--backend", `127.0.0.1:${port}`]);
  const process = start("shared-servers", backends, {}, cwd);
  await expect
    .poll(() => process.output.join("").includes("}"), { timeout: START_TIMEOUT_MS, message: "Redis starts" })
    .toBe(true);
  return { process, ...(JSON.parse(process.output.join("")) as { redis: string; url: string }) };
}

/** Ends the process by the end of its standard input, so that it ends Redis and the load balancer first. */
async function stopShared({ child }: Process): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  await gone;
}

/** A process and its output, for error messages. */
interface Process {
  child: ChildProcess;
  output: string[];
}

function start(name: string, args: string[], env: Record<string, string>, cwd: string): Process {
  const binary = join(BINARIES, name);
  for (const [needed, how] of [
    [binary, "cargo build --bins"],
    [join(PAGE, "index.html"), "npm run build"],
  ] as const) {
    if (!existsSync(needed)) throw new Error(`${needed} is missing: run \`${how}\` first`);
  }
  const child = spawn(binary, args, { cwd, env: { PATH: process.env.PATH ?? "", RUST_LOG: "info", ...env } });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => output.push(String(data)));
  return { child, output };
}

async function waitUntilHealthy(url: string, { child, output }: Process): Promise<void> {
  const status = async () => {
    if (child.exitCode !== null) throw new Error(`the process exited with ${child.exitCode}:\n${output.join("")}`);
    return fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
  };
  await expect.poll(status, { timeout: START_TIMEOUT_MS, message: `${url} answers` }).toBe(200);
}

async function stop({ child }: Process, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

async function stopAll(processes: Process[], signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  await Promise.all(processes.map((process) => stop(process, signal)));
}

async function post(url: string, body = ""): Promise<void> {
  const answer = await fetch(url, { method: "POST", body });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}

/** A token as a platform makes it: HS256. */
function sign(claims: object, key: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", key).update(body).digest("base64url")}`;
}

function secret(): string {
  return randomBytes(32).toString("hex");
}

/** Ports below those that the system chooses for connections and for other tests, and apart for each worker. */
const FIRST_PORT = 20_000;
const PORTS_OF_WORKER = 3000;
let nextPort = FIRST_PORT + Number(process.env.TEST_PARALLEL_INDEX ?? "0") * PORTS_OF_WORKER + (process.pid % 2000);

/** A port that nothing listens on, and no later call returns. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
