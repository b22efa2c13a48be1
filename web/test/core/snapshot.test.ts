/**
 * Snapshots stand for what came before them.
 */

import { describe, expect, test } from "vitest";
import { ACK_WITHIN_MS } from "../../src/protocol/generated.ts";
import { Bench, EPOCH } from "../support/bench.ts";

const snapshot = (fields: object = {}) => ({
  ...{ type: "snapshot", epoch: EPOCH, pos: 50, id: 1, part: 1, parts: 1, scope: "full" },
  ...{ cols: 90, rows: 30, skipped: 0, data: "\x1bcthe screen", head: 50 },
  ...fields,
});
const parts = (id: number, count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, at) => snapshot({ id, part: at + 1, parts: count, data: `${at + 1}`, ...fields }));
const repairs = (bench: Bench) => bench.socket.of("follow").filter((follow) => follow.repair);
const drawn = (bench: Bench) => bench.sink.text.replaceAll("\x18", "");

test("of either scope, it is written as it is, to a terminal of its size, and the stream goes on behind it", () => {
  for (const scope of ["full", "screen"]) {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.output(50, "later");
    bench.socket.receive(snapshot({ scope }));
    expect(bench.sink.journal).toEqual(["size 80x24", "> abc", "> \x18", "size 90x30", "> \x1bcthe screen", "> later"]);
    expect(bench.client.state.size).toEqual({ cols: 90, rows: 30 });
    bench.clock.advance(ACK_WITHIN_MS);
    expect(bench.socket.of("ack").map((ack) => ack.pos)).toEqual([55]);
    expect(bench.socket.of("follow")).toEqual([]);
  }
});

test("it is acknowledged when the emulator has parsed all of it", () => {
  const bench = new Bench().attach();
  bench.sink.eager = false;
  bench.socket.receive(snapshot({ pos: 200_000, data: "x".repeat(100_000) }));
  bench.clock.advance(2000);
  expect(bench.socket.of("ack")).toEqual([]);
  bench.sink.parse();
  expect(bench.socket.of("ack").map((ack) => ack.pos)).toEqual([200_000]);
});

describe("in parts", () => {
  test("they may come in any order, and twice", () => {
    const bench = new Bench().attach();
    const [one, two, three] = parts(1, 3);
    for (const part of [three, one, one, three, two, two]) bench.socket.receive(part);
    expect(drawn(bench)).toBe("123");
  });

  test("a newer one replaces an older, whose late parts are ignored", () => {
    const bench = new Bench().attach();
    const old = parts(1, 3);
    const young = parts(2, 2, { pos: 60, head: 60 });
    for (const part of [old[0], young[1], old[1], old[2], young[0], ...old]) bench.socket.receive(part);
    expect(drawn(bench)).toBe("12");
    bench.output(60, "on");
    expect(drawn(bench)).toBe("12on");
  });

  test("one that is lost is asked for by asking for what is not here, and the next one is taken", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    const [one, , three] = parts(1, 3);
    bench.socket.receive(one);
    bench.socket.receive(three);
    bench.clock.advance(300);
    expect(repairs(bench)).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
    // Nobody waits for it any more: what else comes begins no other wait for a gap.
    bench.socket.receive(parts(1, 5)[4]);
    bench.clock.advance(900);
    expect(repairs(bench)).toHaveLength(1);
    for (const part of parts(2, 3)) bench.socket.receive(part);
    expect(drawn(bench)).toBe("abc123");
    bench.clock.advance(10_000);
    expect(repairs(bench)).toHaveLength(1);
  });

  test("one that was asked for and only late is taken all the same", () => {
    const bench = new Bench().attach();
    const [one, two, three] = parts(1, 3);
    for (const part of [one, three]) bench.socket.receive(part);
    bench.clock.advance(1000);
    expect(repairs(bench)).toHaveLength(1);
    bench.socket.receive(two);
    expect(drawn(bench)).toBe("123");
  });

  test("parts that still come are not asked for", () => {
    const bench = new Bench().attach();
    for (const part of parts(1, 10)) {
      bench.clock.advance(1900);
      bench.socket.receive(part);
    }
    expect(drawn(bench)).toBe("12345678910");
    expect(repairs(bench)).toEqual([]);
  });

  test("the last one is missed like the end of anything", () => {
    const bench = new Bench().attach();
    for (const part of parts(1, 3).slice(0, 2)) bench.socket.receive(part);
    bench.clock.advance(2000);
    expect(repairs(bench)).toHaveLength(1);
  });

  test("what is left of one is no gap when the stream itself has come so far", () => {
    const bench = new Bench().attach();
    const [one, , three] = parts(1, 3);
    bench.socket.receive(one);
    bench.socket.receive(three);
    bench.output(0, "x".repeat(60));
    bench.clock.advance(10_000);
    expect(repairs(bench)).toEqual([]);
  });
});

describe("what was skipped", () => {
  test.each([
    ["output that was missed is told", "full", 1_234_567, ["1.2 MB of output skipped"]],
    ["a whole one is not", "full", 0, []],
    ["nor what an interrupt skips", "screen", 500, []],
  ])("%s", (_, scope, skipped, told) => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.receive(snapshot({ scope, skipped }));
    expect(bench.notices.map((notice) => notice.text)).toEqual(told);
  });

  test("a page that has just come has missed nothing", () => {
    const bench = new Bench().attach();
    bench.socket.receive(snapshot({ skipped: 47 }));
    expect(bench.notices).toEqual([]);
  });

  test("is told when it was no output, once, behind what is drawn", async () => {
    const bench = new Bench().attach();
    const result = bench.client.executeCommand("ls");
    bench.event(0, { kind: "chat", from: "ada", message: "one" });
    const chat = (pos: number, message: string) => ({ pos, kind: "chat", from: "ada", message });
    bench.sink.eager = false;
    const end = { kind: "command_result", id: "c1", result: "a\n", truncated: false, exitCode: 0, pos: 30 };
    const last = { parts: 3, part: 3, data: "", events: [end, chat(40, "three")] };
    bench.socket.receive(snapshot(last));
    bench.socket.receive(snapshot({ parts: 3, part: 2, data: "", events: [chat(0, "one"), chat(20, "two")] }));
    bench.socket.receive(snapshot({ parts: 3, part: 1 }));
    bench.event(50, chat(50, "four"));
    expect(bench.messages).toHaveLength(1);
    bench.sink.parse();
    expect(bench.messages.map((message) => "message" in message && message.message)).toEqual([
      ...["one", "two", false, "three", "four"],
    ]);
    await expect(result).resolves.toMatchObject({ exitCode: 0 });
  });

  test("an end among it is the end", () => {
    const bench = new Bench().attach();
    bench.socket.receive(snapshot({ events: [{ pos: 49, kind: "exit", exitCode: 3, reason: "exited" }] }));
    expect(bench.client.state).toMatchObject({ status: "closed", end: { exitCode: 3 } });
    expect(bench.socket.of("ack").map((ack) => ack.pos)).toEqual([50]);
  });

  test("the result of a command is not waited for for ever", async () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    const lost = bench.client.executeCommand("make");
    bench.socket.receive(snapshot({ skipped: 47 }));
    bench.clock.advance(5000);
    await expect(lost).rejects.toMatchObject({ code: "RESULT_LOST" });
    const kept = bench.client.executeCommand("make");
    bench.socket.receive(snapshot({ id: 2, pos: 100, skipped: 50 }));
    bench.clock.advance(1000);
    bench.event(100, { kind: "command_result", id: "c2", result: "", truncated: false, exitCode: 0 });
    await expect(kept).resolves.toMatchObject({ exitCode: 0 });
  });
});

describe("an attach", () => {
  test("that says what the client has is no loss, even when a snapshot follows", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.end();
    bench.reopen();
    bench.attached({ pos: 3, head: 5000 });
    bench.socket.receive(snapshot({ pos: 5000, head: 5000 }));
    bench.output(5000, "on");
    expect(drawn(bench)).toBe("abc\x1bcthe screenon");
    expect(repairs(bench)).toEqual([]);
  });

  test("that goes on further than the client has leaves a gap, which is asked for", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.end();
    bench.reopen();
    bench.attached({ pos: 9 });
    bench.clock.advance(2000);
    expect(repairs(bench)).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });
});
