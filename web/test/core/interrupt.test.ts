/**
 * Ctrl-C goes ahead of what waits.
 */

import { describe, expect, test } from "vitest";
import { Bench, EPOCH } from "../support/bench.ts";

const CTRL_C = "\x03";

/** What was sent after the attach, in short. */
const sent = (bench: Bench, from = 0) =>
  bench.socket.sent.slice(from).flatMap((message) => {
    if (message.type === "input" && "data" in message) return [`${message.seq}:${message.data.slice(0, 12)}`];
    if (message.type === "interrupt") return [`${message.seq}^${message.afterSeq}`];
    if (message.type === "resize" || message.type === "command") return [`${message.seq}:${message.type}`];
    return [];
  });

test("it has a number of its own, and names the last before it", () => {
  const bench = new Bench().attach();
  bench.client.input("ab");
  bench.client.input(CTRL_C);
  bench.client.input("c");
  expect(bench.socket.of("interrupt")).toEqual([{ type: "interrupt", seq: 2, epoch: EPOCH, afterSeq: 1 }]);
  expect(sent(bench)).toEqual(["1:ab", "2^1", "3:c"]);
});

test("twice pressed it is two; sent twice it is one and the same", () => {
  const bench = new Bench().attach();
  bench.client.input(CTRL_C);
  bench.client.input(CTRL_C);
  bench.clock.advance(1000);
  expect(sent(bench)).toEqual(["1^0", "2^1", "1^0", "2^1"]);
});

test("among other characters it is a key", () => {
  const bench = new Bench().attach();
  bench.client.input(`x${CTRL_C}`);
  expect(bench.socket.of("interrupt")).toEqual([]);
});

test("a viewer interrupts nothing", () => {
  const bench = new Bench().attach({ role: "viewer" });
  bench.client.input(CTRL_C);
  expect(sent(bench)).toEqual([]);
});

describe("behind a paste that nobody reads", () => {
  const pasted = () => {
    const bench = new Bench().attach();
    bench.client.input(`\x1b[200~${"line\r".repeat(40_000)}\x1b[201~`);
    const before = bench.socket.sent.length;
    return { bench, before };
  };

  test("it goes out at once, beyond the window, and the rest of the paste not at all", () => {
    const { bench, before } = pasted();
    const last = bench.socket.of("input").at(-1)?.seq ?? 0;
    bench.client.input(CTRL_C);
    // The program was told that a paste began; where Ctrl-C is a key, it must hear that it ended.
    expect(sent(bench, before)).toEqual([`${last + 1}:\x1b[201~`, `${last + 2}^${last + 1}`]);
    bench.client.input("ls\r");
    bench.ack(last + 2);
    expect(sent(bench, before).slice(2)).toEqual([`${last + 3}:ls\r`]);
    expect(bench.notices).toMatchObject([
      { kind: "dropped", text: expect.stringMatching(/^Ctrl-C took back 1\d\d kB/) },
    ]);
  });

  test("what else waited comes behind it", async () => {
    const { bench, before } = pasted();
    bench.client.resize(100, 30);
    void bench.client.executeCommand("ls").catch(() => {});
    bench.client.input(CTRL_C);
    const numbered = sent(bench, before).map((text) => text.replace(/^\d+/, ""));
    expect(numbered).toEqual([":\x1b[201~", expect.stringMatching(/^\^\d+$/)]);
    bench.ack(bench.socket.of("interrupt")[0]?.seq ?? 0);
    expect(sent(bench, before).map((text) => text.replace(/^\d+/, ""))).toEqual([...numbered, ":resize", ":command"]);
  });
});

describe("while the connection is lost", () => {
  test("what a person typed before it stays before it", () => {
    const bench = new Bench().attach();
    bench.socket.end();
    for (const key of ["i", "text", CTRL_C, ":wq\r"]) bench.client.input(key);
    bench.reopen();
    bench.attached();
    expect(sent(bench)).toEqual(["1:itext", "2^1", "3::wq\r"]);
    expect(bench.notices).toEqual([]);
  });

  test("a paste does not, but what was pasted after it does", () => {
    const bench = new Bench().attach();
    bench.socket.end();
    bench.client.input("x".repeat(5000));
    bench.client.input(CTRL_C);
    bench.client.input("y".repeat(5000));
    bench.reopen();
    bench.attached();
    expect(sent(bench)).toEqual(["1^0", "2:yyyyyyyyyyyy"]);
    expect(bench.notices).toMatchObject([{ kind: "dropped", characters: 5000 }]);
  });

  test("one that was on its way goes first when all is sent again", () => {
    const bench = new Bench().attach();
    for (const key of ["a", "b", CTRL_C]) bench.client.input(key);
    bench.socket.end();
    bench.reopen();
    bench.attached();
    expect(sent(bench)).toEqual(["3^2", "1:a", "2:b"]);
  });
});

test("half a character before it is gone with it", () => {
  const bench = new Bench().attach();
  bench.client.input("\ud83d");
  bench.client.input(CTRL_C);
  bench.client.input("a");
  expect(sent(bench)).toEqual(["1^0", "2:a"]);
});

describe("output that waits for the emulator", () => {
  const snapshot = {
    ...{ type: "snapshot", epoch: EPOCH, pos: 500_000, id: 1, part: 1, parts: 1, scope: "screen" },
    ...{ cols: 80, rows: 24, skipped: 0, data: "^C\r\n$ ", head: 500_000 },
  };

  test("is replaced by the screen that follows, and acknowledged with it", () => {
    const bench = new Bench().attach();
    bench.sink.eager = false;
    for (let pos = 0; pos < 500_000; pos += 25_000) bench.output(pos, "y\n".repeat(12_500));
    bench.client.input(CTRL_C);
    bench.socket.receive(snapshot);
    bench.sink.parse();
    const flood = bench.sink.text.split("\x18")[0] ?? "";
    expect(flood.length).toBeLessThanOrEqual(160_000);
    expect(bench.sink.journal.slice(-3)).toEqual(["> \x18", "size 80x24", "> ^C\r\n$ "]);
    bench.clock.advance(1000);
    expect(bench.socket.of("ack").at(-1)?.pos).toBe(500_000);
    // Who reads along still gets every byte that came.
    const heard = bench.messages.reduce(
      (sum, message) => sum + (message.type === "output" ? message.bytes.length : 0),
      0,
    );
    expect(heard).toBe(500_000);
    expect(bench.notices).toEqual([]);
  });

  test("is shown when none follows", () => {
    const bench = new Bench().attach();
    bench.sink.eager = false;
    for (let pos = 0; pos < 500_000; pos += 25_000) bench.output(pos, "y\n".repeat(12_500));
    bench.client.input(CTRL_C);
    bench.sink.parse();
    expect(bench.sink.text).toHaveLength(500_000);
  });

  test("a screen that says nothing new changes nothing", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.receive({ ...snapshot, pos: 3, head: 3 });
    expect(bench.sink.text).toBe("abc");
  });
});
