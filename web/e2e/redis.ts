/**
 * A Redis of one test's own, for records that a test writes before the service reads them.
 */

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "@playwright/test";
import { freePort } from "./stack.ts";

export interface Redis {
  /** The service's `REDIS_URL`. */
  url: string;
  /** Runs one command, and returns its answer as text. */
  run(...command: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<Redis> {
  const port = String(await freePort());
  const directory = mkdtempSync(join(tmpdir(), "termgate-e2e-redis-"));
  const server = spawn("redis-server", ["--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", directory], {
    stdio: "ignore",
  });
  const gone = new Promise((resolve) => server.once("exit", resolve).once("error", resolve));
  const redis: Redis = {
    url: `redis://127.0.0.1:${port}`,
    run: async (...command) => (await promisify(execFile)("redis-cli", ["-e", "-p", port, ...command])).stdout.trim(),
    async stop() {
      server.kill();
      await gone;
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await expect.poll(() => redis.run("PING").catch(String), { message: "Redis starts" }).toBe("PONG");
    return redis;
  } catch (error) {
    await redis.stop();
    throw error;
  }
}
