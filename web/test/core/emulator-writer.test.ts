/**
 * What the emulator is given, and when.
 */

import { expect, test } from "vitest";
import { EmulatorWriter } from "../../src/core/emulator-writer.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const bytes = (length: number) => new Uint8Array(length).fill(120);

function played() {
  const sink = new RecordingSink();
  sink.eager = false;
  const parsed: number[] = [];
  const writer = new EmulatorWriter((pos) => parsed.push(pos));
  writer.setSink(sink);
  sink.parse();
  writer.restart(0, () => {});
  return { sink, parsed, writer };
}

test("the emulator has at most 128 KiB to do, in pieces of at most 32", () => {
  const { sink, parsed, writer } = played();
  let told = 0;
  writer.write(bytes(256 * 1024), 256 * 1024, () => {
    told += 1;
  });
  expect(sink.waiting).toEqual(Array(4).fill(32 * 1024));
  sink.parseOne();
  expect(sink.waiting).toEqual(Array(4).fill(32 * 1024));
  expect(parsed).toEqual([32 * 1024]);
  expect(told).toBe(0);
  sink.parse();
  expect(parsed.at(-1)).toBe(256 * 1024);
  expect(told).toBe(1);
  expect(writer.idle).toBe(true);
});

test("many small ones are handed over without piling up calls", () => {
  const { sink, parsed, writer } = played();
  sink.eager = true;
  for (let pos = 0; pos < 20_000; pos += 1) writer.write(bytes(1), pos + 1, () => {});
  expect(parsed).toHaveLength(20_000);
  sink.eager = false;
  for (let pos = 20_000; pos < 40_000; pos += 1) writer.write(bytes(1), pos + 1, () => {});
  sink.eager = true;
  sink.parse();
  expect(parsed.at(-1)).toBe(40_000);
});

test("a change of the emulator happens between the bytes around it", () => {
  const { sink, writer } = played();
  writer.write(bytes(2), 2, () => {});
  writer.step(
    3,
    () => sink.journal.push("told"),
    () => sink.journal.push("changed"),
  );
  writer.write(bytes(3), 6, () => {});
  sink.parse();
  expect(sink.journal).toEqual(["> xx", "changed", "told", "> xxx"]);
});

test("what is dropped is told of in its order, but not shown and not done", () => {
  const { sink, writer } = played();
  const journal: string[] = [];
  writer.write(bytes(200_000), 200_000, () => journal.push("first"));
  writer.step(
    200_001,
    () => journal.push("event"),
    () => journal.push("resize"),
  );
  writer.write(bytes(5), 200_006, () => journal.push("second"));
  writer.replace(200_006, bytes(7), () => journal.push("prepare"));
  sink.parse();
  expect(journal).toEqual(["first", "event", "second", "prepare"]);
  expect(sink.text).toBe(`${"x".repeat(128 * 1024)}\x18${"x".repeat(7)}`);
});

test("a fresh start forgets what waited, but not that it came", () => {
  const { sink, parsed, writer } = played();
  const journal: string[] = [];
  writer.write(bytes(200_000), 200_000, () => journal.push("old"));
  writer.replace(300_000, bytes(40_000), () => journal.push("size"));
  writer.restart(0, () => journal.push("reset"));
  writer.write(bytes(4), 4, () => journal.push("new"));
  sink.parse();
  expect(journal).toEqual(["old", "size", "reset", "new"]);
  expect(parsed).toEqual([4]);
  expect(sink.text).toHaveLength(128 * 1024 + 4);
});

test("without an emulator everything counts as parsed; another one takes over what waits", () => {
  const { sink, parsed, writer } = played();
  writer.write(bytes(200_000), 200_000, () => {});
  const other = new RecordingSink();
  writer.setSink(other);
  expect(other.text).toHaveLength(200_000 - 128 * 1024);
  sink.parse();
  expect(parsed.at(-1)).toBe(200_000);
  writer.setSink(undefined);
  writer.write(bytes(1), 200_001, () => {});
  expect(parsed.at(-1)).toBe(200_001);
});
