/**
 * Input goes out in order, within its window, and again until it is acknowledged.
 */

import { describe, expect, test } from "vitest";
import { FRAME_BYTES } from "../../src/protocol/generated.ts";
import { Bench, EPOCH } from "../support/bench.ts";

const data = (bench: Bench) =>
  bench.socket.of("input").map((input) => ("data" in input ? input.data : `b64:${input.b64}`));

describe("order", () => {
  test("every message has the next number, from 1, and the epoch", () => {
    const bench = new Bench().attach();
    bench.client.input("a");
    bench.client.resize(100, 30);
    bench.client.input(new Uint8Array([0xff]));
    expect(bench.socket.sent.slice(2)).toEqual([
      { type: "input", data: "a", seq: 1, epoch: EPOCH },
      { type: "resize", cols: 100, rows: 30, seq: 2, epoch: EPOCH },
      { type: "input", b64: "/w==", seq: 3, epoch: EPOCH },
    ]);
  });

  test("what is typed before the attach waits for it", () => {
    const bench = new Bench().open();
    bench.client.input("l");
    bench.client.input("s\r");
    expect(data(bench)).toEqual([]);
    bench.attached();
    expect(data(bench)).toEqual(["ls\r"]);
  });

  test("a pair that comes in two halves goes out whole", () => {
    const bench = new Bench().attach();
    bench.client.input("a\ud83d");
    bench.client.input("\ude00b");
    expect(data(bench)).toEqual(["a", "😀b"]);
  });

  test("a viewer types nothing", () => {
    const bench = new Bench().attach({ role: "viewer" });
    bench.client.input("a");
    bench.client.resize(100, 30);
    bench.client.close();
    expect(bench.socket.sent.map((message) => message.type)).toEqual(["attach", "ping"]);
  });
});

describe("window", () => {
  test("a large paste goes out in frames, and no further than the window", () => {
    const bench = new Bench().attach();
    const paste = `\x1b[200~${"0123456789abcde\r".repeat(20_000)}\x1b[201~`;
    bench.client.input(paste);
    let acknowledged = 0;
    for (let round = 0; round < 100; round += 1) {
      const inputs = bench.socket.of("input");
      const flying = data(bench).slice(acknowledged).join("").length;
      expect(flying).toBeLessThanOrEqual(65536);
      if (inputs.length === acknowledged) break;
      acknowledged = inputs.length;
      bench.ack(acknowledged);
    }
    expect(data(bench).join("")).toBe(paste);
    for (const text of bench.socket.texts) expect(new TextEncoder().encode(text).length).toBeLessThan(FRAME_BYTES);
  });

  test("keys that outrun the acknowledgements travel together", () => {
    const bench = new Bench().attach();
    for (let key = 0; key < 100; key += 1) bench.client.input("k");
    expect(data(bench)).toHaveLength(64);
    bench.ack(1);
    expect(data(bench).at(-1)).toBe("k".repeat(36));
  });

  test("text that escapes badly still fits into a frame", () => {
    const bench = new Bench().attach();
    const paste = "\x01".repeat(30_000);
    bench.client.input(paste);
    for (let seq = 1; seq <= 20; seq += 1) bench.ack(seq);
    expect(data(bench).join("")).toBe(paste);
    for (const text of bench.socket.texts) expect(text.length).toBeLessThan(FRAME_BYTES);
  });

  test("more than can wait is refused aloud, as a whole, and what comes after it is not", () => {
    const bench = new Bench().attach();
    bench.client.input("x".repeat(20_000_000));
    expect(bench.errors).toMatchObject([
      { code: "INPUT_FULL", message: "20.0 MB cannot be sent: at most 8.4 MB may wait. Nothing of it was sent" },
    ]);
    bench.client.input("ls\r");
    expect(data(bench)).toEqual(["ls\r"]);
  });

  test("what waits is bounded over many pastes, and nothing that was taken is lost", () => {
    const bench = new Bench().attach();
    bench.socket.end();
    const paste = "0123456789".repeat(100_000);
    for (let at = 0; at < 12; at += 1) bench.client.input(paste);
    bench.client.input(new Uint8Array(1_000_000));
    expect(bench.errors.filter((error) => error.code === "INPUT_FULL")).toHaveLength(5);
    bench.reopen();
    bench.attached();
    for (let seq = 1; seq <= 1000; seq += 1) bench.ack(seq);
    expect(data(bench).join("")).toBe(paste.repeat(8));
  });

  test("so are commands", async () => {
    const bench = new Bench().attach();
    bench.socket.end();
    const all = Array.from({ length: 1001 }, () => bench.client.executeCommand("ls"));
    await expect(all.at(-1)).rejects.toMatchObject({ code: "INPUT_FULL" });
    bench.client.disconnect();
    await expect(all[0]).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    await Promise.allSettled(all);
  });

  test("of sizes that wait, only the last is sent", () => {
    const bench = new Bench().attach();
    bench.socket.end();
    for (const cols of [90, 91, 92]) bench.client.resize(cols, 24);
    bench.reopen();
    expect(bench.socket.of("attach")[0]).toMatchObject({ cols: 92, rows: 24 });
    bench.client.resize(93, 24);
    bench.client.resize(94, 24);
    bench.attached();
    expect(bench.socket.of("resize").map((resize) => resize.cols)).toEqual([94]);
  });
});

describe("again", () => {
  test("without progress after 1 s, then 2, 4, 8, 8", () => {
    const bench = new Bench().attach();
    bench.client.input("a");
    const times: number[] = [];
    let seen = 1;
    for (let ms = 0; ms < 25_000; ms += 100) {
      bench.clock.advance(100);
      if (ms % 5000 === 0) bench.socket.receive({ type: "pong", timestamp: 1 });
      if (bench.socket.of("input").length > seen) times.push(bench.clock.now());
      seen = bench.socket.of("input").length;
    }
    expect(times).toEqual([1000, 3000, 7000, 15_000, 23_000]);
    expect(new Set(bench.socket.of("input").map((input) => input.seq))).toEqual(new Set([1]));
  });

  test("progress starts the wait anew, and what is acknowledged stays silent", () => {
    const bench = new Bench().attach();
    bench.client.input("a");
    bench.client.input("b");
    bench.clock.advance(900);
    bench.ack(1);
    bench.clock.advance(900);
    expect(data(bench)).toEqual(["a", "b"]);
    bench.clock.advance(100);
    expect(data(bench)).toEqual(["a", "b", "b"]);
    bench.ack(2);
    bench.clock.advance(10_000);
    expect(data(bench)).toEqual(["a", "b", "b"]);
  });

  test("at once when the service misses something, but not for each complaint", () => {
    const bench = new Bench().attach();
    for (const key of "abc") bench.client.input(key);
    bench.clock.advance(300);
    const gap = { type: "error", code: "INPUT_GAP", message: "1 is there", retryable: true, have: 1, epoch: EPOCH };
    bench.socket.receive(gap);
    bench.socket.receive(gap);
    expect(data(bench)).toEqual(["a", "b", "c", "b", "c"]);
    expect(bench.errors).toEqual([]);
  });

  test("a stale acknowledgement changes nothing, nor does one for what was never sent", () => {
    const bench = new Bench().attach();
    bench.client.input("a");
    bench.ack(7);
    bench.ack(0);
    bench.clock.advance(1000);
    expect(data(bench)).toEqual(["a", "a"]);
  });
});
