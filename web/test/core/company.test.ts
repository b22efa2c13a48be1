/**
 * Keys that share a message, and the reports of how much of the input was applied.
 */

import { describe, expect } from "vitest";
import type { InputProgress } from "../../src/core/index.ts";
import { ECHO_HOLD_MS } from "../../src/protocol/generated.ts";
import { type Harness, test } from "../support/harness.ts";

const sent = (harness: Harness) =>
  harness.socket.of("input").map((input) => ("data" in input ? input.data : input.b64));

describe("a key that may wait", () => {
  test("goes at once if no earlier one is on its way", ({ harness }) => {
    harness.client.input("a", true);
    expect(sent(harness)).toEqual(["a"]);
  });

  test("waits up to 80 ms for company", ({ harness }) => {
    harness.client.input("a");
    harness.client.input("b", true);
    harness.clock.advance(60);
    harness.client.input("c", true);
    expect(sent(harness)).toEqual(["a"]);
    harness.clock.advance(19);
    expect(sent(harness)).toEqual(["a"]);
    harness.clock.advance(1);
    expect(sent(harness)).toEqual(["a", "bc"]);
  });

  test.for(["\r", "\x1b[A", "\x03", "pasted"])("goes with %j", (key, { harness }) => {
    harness.client.input("a");
    harness.client.input("b", true);
    harness.client.input(key);
    const expected = key === "\x03" ? ["a", "b"] : ["a", `b${key}`];
    expect(sent(harness)).toEqual(expected);
    expect(harness.socket.of("interrupt")).toHaveLength(key === "\x03" ? 1 : 0);
    harness.clock.advance(500);
    expect(sent(harness)).toEqual(expected);
  });

  test("is not lost with the connection", ({ harness }) => {
    harness.client.input("a");
    harness.client.input("b", true);
    harness.reconnect({ inputSeq: 1 });
    expect(sent(harness)).toEqual(["b"]);
  });
});

describe("a message says that its keys are shown", () => {
  const flags = (harness: Harness) => harness.socket.of("input").map(({ predicted }) => predicted);

  test("only if all of them are", ({ harness }) => {
    harness.client.input("a", true);
    for (const shown of [true, true]) harness.client.input("b", shown);
    harness.clock.advance(80);
    harness.client.input("c", true);
    harness.client.input("\r");
    expect([sent(harness), flags(harness)]).toEqual([
      ["a", "bb", "c\r"],
      [true, true, undefined],
    ]);
  });

  test("and waits longer for the acknowledgement then, which does not count as that of a slow connection", ({
    harness,
  }) => {
    // The delay falls to its minimum of 300 ms.
    for (let seq = 1; seq <= 40; seq += 1) {
      harness.client.input("x");
      harness.clock.advance(10);
      harness.ack(seq);
    }
    const count = () => harness.socket.of("input").length;
    harness.client.input("y", true);
    harness.clock.advance(300 + ECHO_HOLD_MS - 1);
    harness.ack(41);
    expect(count()).toBe(41);
    harness.client.input("z", true);
    harness.clock.advance(300 + ECHO_HOLD_MS - 1);
    expect(count()).toBe(42);
    harness.clock.advance(1);
    expect(count()).toBe(43);
    harness.ack(42);
    harness.client.input("x");
    harness.clock.advance(300);
    expect(count(), "a key that is not shown is sent again as soon as before").toBe(45);
  });
});

describe("the emulator", () => {
  const reports = (harness: Harness) => {
    const found: InputProgress[] = [];
    Object.assign(harness.sink, { progress: (progress: InputProgress) => found.push(progress) });
    return found;
  };

  test("hears how much input was applied, after it has parsed what came before", ({ harness }) => {
    const found = reports(harness);
    harness.client.input("ab");
    harness.client.resize(90, 30);
    harness.client.input("\x03");
    expect(harness.client.inputLength).toBe(3);
    harness.sink.eager = false;
    harness.output(0, "x", { ackSeq: 2, head: 1 });
    expect(found).toEqual([]);
    harness.sink.parse();
    expect(found).toEqual([{ applied: 2, alone: false, prompt: false }]);
    harness.ack(3);
    expect(found).toHaveLength(1);
    harness.socket.receive({ type: "input_ack", epoch: 1000, ackSeq: 3, head: 1, prompt: true });
    expect(found.at(-1)).toEqual({ applied: 3, alone: true, prompt: true });
  });

  test.for([
    { ackSeq: 0, head: 3 },
    { ackSeq: 1, head: 2 },
  ])("hears of no prompt from a frame that a later one has overtaken: %j", (earlier, { harness }) => {
    const found = reports(harness);
    harness.client.input("a");
    harness.output(0, "xx$", { ackSeq: 1, head: 3 });
    harness.socket.receive({ type: "input_ack", epoch: 1000, prompt: true, ...earlier });
    expect(found.at(-1)).toEqual({ applied: 1, alone: true, prompt: false });
    harness.socket.receive({ type: "input_ack", epoch: 1000, prompt: true, ackSeq: 1, head: 3 });
    expect(found.at(-1)?.prompt).toBe(true);
  });

  test("hears nothing before a gap is closed", ({ harness }) => {
    const found = reports(harness);
    harness.client.input("a");
    harness.output(2, "b", { ackSeq: 1 });
    expect(found).toEqual([]);
    harness.output(0, "xx", { ackSeq: 0 });
    expect(found.map(({ applied }) => applied)).toEqual([1, 1]);
  });

  test("hears that all input counts as applied when it was dropped", ({ harness }) => {
    const found = reports(harness);
    harness.client.input("lost");
    harness.reconnect({ epoch: 2000 });
    harness.socket.receive({ type: "output", epoch: 2000, pos: 0, len: 1, data: "$", head: 1, ackSeq: 0 });
    expect(found.at(-1)?.applied).toBe(4);
  });
});
