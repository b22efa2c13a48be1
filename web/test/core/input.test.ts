/**
 * Input is sent in order, within its window, and again until acknowledged.
 */

import { describe, expect } from "vitest";
import { FRAME_BYTES } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

const data = (harness: Harness) =>
  harness.socket.of("input").map((input) => ("data" in input ? input.data : `b64:${input.b64}`));

describe("order", () => {
  test("messages are numbered from 1 and name the epoch", ({ harness }) => {
    harness.client.input("a");
    harness.client.resize(100, 30);
    harness.client.input(new Uint8Array([0xff]));
    expect(harness.socket.sent.slice(2)).toEqual([
      { type: "input", data: "a", seq: 1, epoch: EPOCH },
      { type: "resize", cols: 100, rows: 30, seq: 2, epoch: EPOCH },
      { type: "input", b64: "/w==", seq: 3, epoch: EPOCH },
    ]);
  });

  test("input before the attach is sent after it", () => {
    const harness = new Harness().open();
    harness.client.input("l");
    harness.client.input("s\r");
    expect(data(harness)).toEqual([]);
    harness.attached();
    expect(data(harness)).toEqual(["ls\r"]);
  });

  test("a surrogate pair that is typed in halves is sent whole", ({ harness }) => {
    harness.client.input("a\ud83d");
    harness.client.input("\ude00b");
    expect(data(harness)).toEqual(["a", "😀b"]);
  });

  test("a viewer sends no input", () => {
    const harness = new Harness().attach({ role: "viewer" });
    harness.client.input("a");
    harness.client.resize(100, 30);
    harness.client.close();
    expect(harness.socket.sent.map((message) => message.type)).toEqual(["attach", "ping"]);
  });
});

describe("window", () => {
  test("a large paste is sent in frames, within the window", ({ harness }) => {
    const paste = `\x1b[200~${"0123456789abcde\r".repeat(20_000)}\x1b[201~`;
    harness.client.input(paste);
    let acknowledged = 0;
    for (let round = 0; round < 100; round += 1) {
      const inputs = harness.socket.of("input");
      const flying = data(harness).slice(acknowledged).join("").length;
      expect(flying).toBeLessThanOrEqual(65536);
      if (inputs.length === acknowledged) break;
      acknowledged = inputs.length;
      harness.ack(acknowledged);
    }
    expect(data(harness).join("")).toBe(paste);
    for (const text of harness.socket.texts) expect(new TextEncoder().encode(text).length).toBeLessThan(FRAME_BYTES);
  });

  test("keys beyond 64 unacknowledged messages are joined", ({ harness }) => {
    for (let key = 0; key < 100; key += 1) harness.client.input("k");
    expect(data(harness)).toHaveLength(64);
    harness.ack(1);
    expect(data(harness).at(-1)).toBe("k".repeat(36));
  });

  test("text that grows by escaping fits into frames", ({ harness }) => {
    const paste = "\x01".repeat(30_000);
    harness.client.input(paste);
    for (let seq = 1; seq <= 20; seq += 1) harness.ack(seq);
    expect(data(harness).join("")).toBe(paste);
    for (const text of harness.socket.texts) expect(text.length).toBeLessThan(FRAME_BYTES);
  });

  test("a paste above the limit is rejected as a whole, and later input is not", ({ harness }) => {
    harness.client.input("x".repeat(20_000_000));
    expect(harness.errors).toMatchObject([
      { code: "INPUT_FULL", message: "20.0 MB cannot be sent: at most 8.4 MB can be queued. Nothing was sent" },
    ]);
    harness.client.input("ls\r");
    expect(data(harness)).toEqual(["ls\r"]);
  });

  test("the queue is bounded over many pastes, and accepted input is not lost", ({ harness }) => {
    harness.socket.end();
    const paste = "0123456789".repeat(100_000);
    for (let at = 0; at < 12; at += 1) harness.client.input(paste);
    harness.client.input(new Uint8Array(1_000_000));
    expect(harness.errors.filter((error) => error.code === "INPUT_FULL")).toHaveLength(5);
    harness.reattach();
    for (let seq = 1; seq <= 1000; seq += 1) harness.ack(seq);
    expect(data(harness).join("")).toBe(paste.repeat(8));
  });

  test("the number of queued commands is bounded", async ({ harness }) => {
    harness.socket.end();
    const all = Array.from({ length: 1001 }, () => harness.client.executeCommand("ls"));
    await expect(all.at(-1)).rejects.toMatchObject({ code: "INPUT_FULL" });
    harness.client.disconnect();
    await expect(all[0]).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    await Promise.allSettled(all);
  });

  test("only the last of several queued sizes is sent", ({ harness }) => {
    harness.socket.end();
    for (const cols of [90, 91, 92]) harness.client.resize(cols, 24);
    harness.reopen();
    expect(harness.socket.of("attach")[0]).toMatchObject({ cols: 92, rows: 24 });
    harness.client.resize(93, 24);
    harness.client.resize(94, 24);
    harness.attached();
    expect(harness.socket.of("resize").map((resize) => resize.cols)).toEqual([94]);
  });
});

describe("resending", () => {
  test("happens after 1 s, then 2, 4, 8, 8 s", ({ harness }) => {
    harness.client.input("a");
    const times: number[] = [];
    let seen = 1;
    for (let ms = 0; ms < 25_000; ms += 100) {
      harness.clock.advance(100);
      if (ms % 5000 === 0) harness.socket.receive({ type: "pong", timestamp: 1 });
      if (harness.socket.of("input").length > seen) times.push(harness.clock.now());
      seen = harness.socket.of("input").length;
    }
    expect(times).toEqual([1000, 3000, 7000, 15_000, 23_000]);
    expect(new Set(harness.socket.of("input").map((input) => input.seq))).toEqual(new Set([1]));
  });

  test("starts over after progress, and stops once acknowledged", ({ harness }) => {
    harness.client.input("a");
    harness.client.input("b");
    harness.clock.advance(900);
    harness.ack(1);
    harness.clock.advance(900);
    expect(data(harness)).toEqual(["a", "b"]);
    harness.clock.advance(100);
    expect(data(harness)).toEqual(["a", "b", "b"]);
    harness.ack(2);
    harness.clock.advance(10_000);
    expect(data(harness)).toEqual(["a", "b", "b"]);
  });

  test("happens after 300 ms where acknowledgements are quick, and later where they are slow", ({ harness }) => {
    for (const [ms, delay] of [
      [40, 300],
      [200, 520],
      [5000, 1000],
    ] as const) {
      for (let count = 0; count < 50; count += 1) {
        harness.client.input("a");
        harness.clock.advance(Math.min(ms, delay - 1));
        harness.ack(harness.socket.of("input").at(-1)?.seq ?? 0);
      }
      harness.client.input("lost");
      const sent = harness.socket.of("input").length;
      const at = harness.clock.now();
      while (harness.socket.of("input").length === sent) harness.clock.advance(10);
      expect(harness.clock.now() - at, `acknowledged after ${ms} ms`).toBeLessThanOrEqual(delay);
      harness.ack(harness.socket.of("input").at(-1)?.seq ?? 0);
    }
  });

  test("happens at once for a gap, but not for each report of it", ({ harness }) => {
    for (const key of "abc") harness.client.input(key);
    harness.clock.advance(300);
    const gap = { type: "error", code: "INPUT_GAP", message: "1 is there", retryable: true, have: 1, epoch: EPOCH };
    harness.socket.receive(gap);
    harness.socket.receive(gap);
    expect(data(harness)).toEqual(["a", "b", "c", "b", "c"]);
    expect(harness.errors).toEqual([]);
  });

  test("ignores acknowledgements that are stale or of unsent numbers", ({ harness }) => {
    harness.client.input("a");
    harness.ack(7);
    harness.ack(0);
    harness.clock.advance(1000);
    expect(data(harness)).toEqual(["a", "a"]);
  });
});
