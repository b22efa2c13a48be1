/**
 * Hostile output against the emulator without a page. `HOSTILE_SEEDS=100000` tries more streams, from `HOSTILE_SEED` on.
 */

import headless from "@xterm/headless";
import { expect, test } from "vitest";
import { CountLimiter } from "../../src/xterm/count-limiter.ts";
import { hostileOutput } from "../support/hostile-output.ts";
import { seeded } from "../support/random.ts";

const FIRST = Number(process.env.HOSTILE_SEED ?? "1");
const SEEDS = Number(process.env.HOSTILE_SEEDS ?? "200");
/** Much more than a piece takes on a busy machine, and much less than an unlimited count. */
const MAX_PIECE_MS = 2000;
/** Exceptions of xterm.js 6.0.0; the page goes on with another emulator. */
const KNOWN = [/Cannot set properties of undefined \(setting 'isWrapped'\)/];

/** The headless terminal with its synchronous parser. */
type Parser = { _core: { writeSync(bytes: Uint8Array): void } };

test("no stream stops the emulator, or takes long", { timeout: SEEDS * 1000 }, () => {
  const unknown: string[] = [];
  let slowest = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const random = seeded(seed);
    const [cols, rows] = [2 + Math.floor(random() * 90), 1 + Math.floor(random() * 40)];
    const terminal = new headless.Terminal({ cols, rows, scrollback: 100, allowProposedApi: true, logLevel: "off" });
    const limiter = new CountLimiter();
    const bytes = hostileOutput(random, 300);
    try {
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + Math.floor(random() * 200);
        for (const piece of limiter.limit(bytes.subarray(at, at + length), cols, rows)) {
          const started = performance.now();
          (terminal as unknown as Parser)._core.writeSync(piece);
          slowest = Math.max(slowest, performance.now() - started);
        }
        at += length;
      }
    } catch (error) {
      if (!KNOWN.some((known) => known.test(String(error)))) unknown.push(`seed ${seed}: ${error}`);
    }
    terminal.dispose();
  }
  expect(unknown).toEqual([]);
  expect(slowest).toBeLessThan(MAX_PIECE_MS);
});
