/**
 * Flow control and order of writes to the emulator.
 */

import { expect, test } from "vitest";
import { EmulatorWriter } from "../../src/core/emulator-writer.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const bytes = (length: number) => new Uint8Array(length).fill(120);

function started() {
  const sink = new RecordingSink();
  sink.eager = false;
  const parsed: number[] = [];
  const writer = new EmulatorWriter((pos) => parsed.push(pos));
  writer.setSink(sink);
  sink.parse();
  writer.restart(0, () => {});
  return { sink, parsed, writer };
}

test("the emulator gets at most 128 KiB at a time, in chunks of at most 32 KiB", () => {
  const { sink, parsed, writer } = started();
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

test("many small writes do not nest calls", () => {
  const { sink, parsed, writer } = started();
  sink.eager = true;
  for (let pos = 0; pos < 20_000; pos += 1) writer.write(bytes(1), pos + 1, () => {});
  expect(parsed).toHaveLength(20_000);
  sink.eager = false;
  for (let pos = 20_000; pos < 40_000; pos += 1) writer.write(bytes(1), pos + 1, () => {});
  sink.eager = true;
  sink.parse();
  expect(parsed.at(-1)).toBe(40_000);
});

test("a change happens between the bytes around it", () => {
  const { sink, writer } = started();
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

test("a dropped step still notifies in order, but is not written or applied", () => {
  const { sink, writer } = started();
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

test("a restart drops queued output but still notifies", () => {
  const { sink, parsed, writer } = started();
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

test("without an emulator everything counts as parsed; a new one gets the queue", () => {
  const { sink, parsed, writer } = started();
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
