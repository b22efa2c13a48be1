/**
 * Snapshots replace the output before them.
 */

import { describe, expect } from "vitest";
import { MAX_ACK_DELAY_MS } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const snapshot = (fields: object = {}) => ({
  ...{ type: "snapshot", epoch: EPOCH, pos: 50, id: 1, part: 1, parts: 1, scope: "full" },
  ...{ cols: 90, rows: 30, skipped: 0, data: "\x1bcthe screen", head: 50 },
  ...fields,
});
const parts = (id: number, count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, at) => snapshot({ id, part: at + 1, parts: count, data: `${at + 1}`, ...fields }));
const drawn = (harness: Harness) => harness.sink.text.replaceAll("\x18", "");

test("a snapshot is written at its size, and the stream continues behind it", () => {
  for (const scope of ["full", "screen"]) {
    const harness = new Harness().attach();
    harness.output(0, "abc");
    harness.output(50, "later");
    harness.socket.receive(snapshot({ scope }));
    expect(harness.sink.journal).toEqual([
      "size 80x24",
      "> abc",
      "> \x18",
      "size 90x30",
      "> \x1bcthe screen",
      "> later",
    ]);
    expect(harness.client.state.size).toEqual({ cols: 90, rows: 30 });
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect(harness.acks).toEqual([55]);
    expect(harness.socket.of("follow")).toEqual([]);
  }
});

test("screens in place of a flood are acknowledged at once, but then not again for half a second", ({ harness }) => {
  for (const id of [1, 2, 3]) {
    harness.socket.receive(snapshot({ id, pos: id * 200_000, scope: "screen" }));
    harness.clock.advance(250);
  }
  expect(harness.acks).toEqual([200_000, 400_000]);
  // Output counts as always.
  harness.output(600_000, "x".repeat(70_000));
  expect(harness.acks).toEqual([200_000, 400_000, 665_536]);
});

test("a snapshot is acknowledged once parsed", ({ harness }) => {
  harness.sink.eager = false;
  harness.socket.receive(snapshot({ pos: 200_000, data: "x".repeat(100_000) }));
  harness.clock.advance(2000);
  expect(harness.socket.of("ack")).toEqual([]);
  harness.sink.parse();
  expect(harness.acks).toEqual([200_000]);
});

describe("parts", () => {
  test("may arrive in any order and twice", ({ harness }) => {
    const [one, two, three] = parts(1, 3);
    for (const part of [three, one, one, three, two, two]) harness.socket.receive(part);
    expect(drawn(harness)).toBe("123");
  });

  test("of a newer snapshot replace an older one, whose late parts are ignored", ({ harness }) => {
    const old = parts(1, 3);
    const young = parts(2, 2, { pos: 60, head: 60 });
    for (const part of [old[0], young[1], old[1], old[2], young[0], ...old]) harness.socket.receive(part);
    expect(drawn(harness)).toBe("12");
    harness.output(60, "on");
    expect(drawn(harness)).toBe("12on");
  });

  test("that are lost cause a repair, and the next snapshot is used", ({ harness }) => {
    harness.output(0, "abc");
    const [one, , three] = parts(1, 3);
    harness.socket.receive(one);
    harness.socket.receive(three);
    harness.clock.advance(300);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
    // Later parts of the requested snapshot do not cause another repair.
    harness.socket.receive(parts(1, 5)[4]);
    harness.clock.advance(900);
    expect(harness.repairs).toHaveLength(1);
    for (const part of parts(2, 3)) harness.socket.receive(part);
    expect(drawn(harness)).toBe("abc123");
    harness.clock.advance(10_000);
    expect(harness.repairs).toHaveLength(1);
  });

  test("that are late are used even after a repair", ({ harness }) => {
    const [one, two, three] = parts(1, 3);
    for (const part of [one, three]) harness.socket.receive(part);
    harness.clock.advance(1000);
    expect(harness.repairs).toHaveLength(1);
    harness.socket.receive(two);
    expect(drawn(harness)).toBe("123");
  });

  test("that keep arriving cause no repair", ({ harness }) => {
    for (const part of parts(1, 10)) {
      harness.clock.advance(1900);
      harness.socket.receive(part);
    }
    expect(drawn(harness)).toBe("12345678910");
    expect(harness.repairs).toEqual([]);
  });

  test("missing at the end cause a repair after 2 s", ({ harness }) => {
    for (const part of parts(1, 3).slice(0, 2)) harness.socket.receive(part);
    harness.clock.advance(2000);
    expect(harness.repairs).toHaveLength(1);
  });

  test("of a snapshot that the stream has passed are no gap", ({ harness }) => {
    const [one, , three] = parts(1, 3);
    harness.socket.receive(one);
    harness.socket.receive(three);
    harness.output(0, "x".repeat(60));
    harness.clock.advance(10_000);
    expect(harness.repairs).toEqual([]);
  });
});

describe("skipped output", () => {
  test.each([
    ["is reported", "full", 1_234_567, ["1.2 MB of output skipped"]],
    ["is not reported for a complete snapshot", "full", 0, []],
    ["is not reported after an interrupt", "screen", 500, []],
  ])("%s", (_, scope, skipped, told) => {
    const harness = new Harness().attach();
    harness.output(0, "abc");
    harness.socket.receive(snapshot({ scope, skipped }));
    expect(harness.notices.map((notice) => notice.text)).toEqual(told);
  });

  test("is not reported to a new page", ({ harness }) => {
    harness.socket.receive(snapshot({ skipped: 47 }));
    expect(harness.notices).toEqual([]);
  });

  test("delivers its events once, after the snapshot is drawn", async ({ harness }) => {
    const result = harness.client.executeCommand("ls");
    harness.event(0, { kind: "chat", from: "ada", message: "one" });
    const chat = (pos: number, message: string) => ({ pos, kind: "chat", from: "ada", message });
    harness.sink.eager = false;
    const end = { kind: "command_result", id: "c1", result: "a\n", truncated: false, exitCode: 0, pos: 30 };
    const last = { parts: 3, part: 3, data: "", events: [end, chat(40, "three")] };
    harness.socket.receive(snapshot(last));
    harness.socket.receive(snapshot({ parts: 3, part: 2, data: "", events: [chat(0, "one"), chat(20, "two")] }));
    harness.socket.receive(snapshot({ parts: 3, part: 1 }));
    harness.event(50, chat(50, "four"));
    expect(harness.messages).toHaveLength(1);
    harness.sink.parse();
    expect(harness.messages.map((message) => "message" in message && message.message)).toEqual([
      ...["one", "two", false, "three", "four"],
    ]);
    await expect(result).resolves.toMatchObject({ exitCode: 0 });
  });

  test("delivers an exit", ({ harness }) => {
    harness.socket.receive(snapshot({ events: [{ pos: 49, kind: "exit", exitCode: 3, reason: "exited" }] }));
    expect(harness.client.state).toMatchObject({ status: "closed", end: { exitCode: 3 } });
    expect(harness.acks).toEqual([50]);
  });

  test("rejects a command whose result does not arrive", async ({ harness }) => {
    harness.output(0, "abc");
    const lost = harness.client.executeCommand("make");
    harness.socket.receive(snapshot({ skipped: 47 }));
    harness.clock.advance(5000);
    await expect(lost).rejects.toMatchObject({ code: "RESULT_LOST" });
    const kept = harness.client.executeCommand("make");
    harness.socket.receive(snapshot({ id: 2, pos: 100, skipped: 50 }));
    harness.clock.advance(1000);
    harness.event(100, { kind: "command_result", id: "c2", result: "", truncated: false, exitCode: 0 });
    await expect(kept).resolves.toMatchObject({ exitCode: 0 });
  });
});

describe("an attach", () => {
  test("followed by a snapshot needs no repair", ({ harness }) => {
    harness.output(0, "abc");
    harness.reconnect({ pos: 3, head: 5000 });
    harness.socket.receive(snapshot({ pos: 5000, head: 5000 }));
    harness.output(5000, "on");
    expect(drawn(harness)).toBe("abc\x1bcthe screenon");
    expect(harness.repairs).toEqual([]);
  });

  test("that continues beyond the received output causes a repair", ({ harness }) => {
    harness.output(0, "abc");
    harness.reconnect({ pos: 9 });
    harness.clock.advance(2000);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });
});

test("after a failure of the emulator, the next one gets a snapshot and never what was printed", ({ harness }) => {
  harness.output(0, "deadly");
  harness.client.emulatorFailed(harness.sink, "it threw");
  expect(harness.notices).toEqual([expect.objectContaining({ kind: "redrawn" })]);
  harness.output(6, "more");
  const other = new RecordingSink();
  harness.client.attach(other);
  expect(harness.socket.of("attach").at(-1)).toMatchObject({ snapshot: true });
  expect(harness.socket.of("attach").at(-1)).not.toHaveProperty("resume");
  harness.attached({ head: 10 });
  harness.socket.end();
  harness.reopen();
  expect(harness.socket.of("attach").at(-1)).toMatchObject({ snapshot: true });
  // A late word of the old emulator means nothing.
  harness.client.emulatorFailed(harness.sink, "again");
  expect(harness.notices).toHaveLength(1);
});
