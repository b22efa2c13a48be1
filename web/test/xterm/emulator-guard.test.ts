/**
 * An emulator that throws or stops is noticed; one that is slow is not.
 */

import type { Terminal } from "@xterm/xterm";
import { expect, test } from "vitest";
import { EmulatorGuard } from "../../src/xterm/emulator-guard.ts";
import { FakeClock } from "../support/clock.ts";

function guarded() {
  const clock = new FakeClock();
  const waiting: Array<() => void> = [];
  const failures: string[] = [];
  const terminal = { cols: 80, rows: 24, write: (_: Uint8Array, parsed: () => void) => void waiting.push(parsed) };
  const guard = new EmulatorGuard(terminal as unknown as Terminal, (why) => failures.push(String(why)), clock);
  let parsed = 0;
  const write = (text: string) => guard.write(new TextEncoder().encode(text), () => (parsed += 1));
  return { clock, waiting, failures, guard, write, parsed: () => parsed };
}

test("an emulator that parses nothing for four seconds has failed, and is told nothing more", () => {
  const { clock, waiting, failures, write, parsed } = guarded();
  write("a");
  waiting.shift()?.();
  clock.advance(60_000);
  expect([parsed(), failures]).toEqual([1, []]);
  write("b");
  clock.advance(3900);
  expect(failures).toEqual([]);
  clock.advance(200);
  expect(failures).toEqual(["it stopped"]);
  write("c");
  expect(waiting).toHaveLength(1);
  waiting.shift()?.();
  clock.advance(60_000);
  expect([parsed(), failures]).toEqual([1, ["it stopped"]]);
});

test("an emulator that parses a piece now and then goes on", () => {
  const { clock, waiting, failures, write, parsed } = guarded();
  write("\x1b[99999S".repeat(1000));
  expect(waiting.length).toBeGreaterThan(20);
  while (waiting.length > 0) {
    clock.advance(2500);
    waiting.shift()?.();
  }
  expect([parsed(), failures]).toEqual([1, []]);
});

test("an exception in a change is a failure", () => {
  const { clock, failures, guard } = guarded();
  guard.run(() => {
    throw new Error("no such line");
  });
  guard.run(() => failures.push("told"));
  clock.advance(60_000);
  expect(failures).toEqual(["Error: no such line"]);
});
