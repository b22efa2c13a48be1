/**
 * Output reaches the emulator in order and once, and is acknowledged when it has been parsed.
 */

import { describe, expect } from "vitest";
import { MAX_ACK_DELAY_MS } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("order", () => {
  test("early frames wait, repeated ones are dropped, overlapping ones are cut", ({ harness }) => {
    harness.output(3, "def");
    harness.output(0, "abc");
    harness.output(0, "abc");
    harness.output(4, "efgh");
    expect(harness.sink.text).toBe("abcdefgh");
  });

  test("held frames with other cuts than the repaired ones still fit", ({ harness }) => {
    harness.output(4, "efgh");
    harness.output(8, "ij");
    harness.output(0, "abcdef");
    expect(harness.sink.text).toBe("abcdefghij");
  });

  test("bytes of every kind arrive as they are", ({ harness }) => {
    harness.socket.receive({ type: "output", epoch: EPOCH, pos: 0, len: 3, b64: "/wCA" });
    expect(harness.messages).toEqual([{ type: "output", pos: 0, bytes: new Uint8Array([0xff, 0, 0x80]) }]);
  });

  test("a frame whose length is wrong counts as lost", ({ harness }) => {
    harness.output(0, "abc", { head: 4 });
    harness.socket.receive({ type: "output", epoch: EPOCH, pos: 3, len: 9, data: "d", head: 4 });
    harness.clock.advance(2000);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("an older life of the shell is refused", ({ harness }) => {
    harness.output(0, "old", { epoch: EPOCH - 1 } as object);
    expect(harness.sink.text).toBe("");
  });

  test("frames that overtake the attach are kept for it", () => {
    const harness = new Harness();
    harness.client.attach(harness.sink);
    harness.open();
    harness.output(0, "abc");
    harness.attached();
    expect(harness.sink.text).toBe("abc");
  });

  test("a size stands exactly between the bytes before and after it", ({ harness }) => {
    harness.sink.eager = false;
    harness.output(0, "wide");
    harness.event(4, { kind: "size", cols: 40, rows: 10 });
    harness.output(5, "narrow");
    expect(harness.sink.journal).toEqual(["size 80x24"]);
    harness.sink.parse();
    expect(harness.sink.journal).toEqual(["size 80x24", "> wide", "size 40x10", "> narrow"]);
    expect(harness.client.state.size).toEqual({ cols: 40, rows: 10 });
  });
});

describe("repair", () => {
  test("a gap of 300 ms is asked for, then less and less often", ({ harness }) => {
    harness.output(3, "def");
    harness.clock.advance(299);
    expect(harness.repairs).toEqual([]);
    harness.clock.advance(1);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 0, repair: true }]);
    harness.clock.advance(1000);
    expect(harness.repairs).toHaveLength(2);
    harness.clock.advance(1999);
    expect(harness.repairs).toHaveLength(2);
    harness.clock.advance(1);
    expect(harness.repairs).toHaveLength(3);
  });

  test("a gap that closes is not asked for", ({ harness }) => {
    harness.output(3, "def");
    harness.clock.advance(200);
    harness.output(0, "abc");
    harness.clock.advance(5000);
    expect(harness.repairs).toEqual([]);
  });

  test("an end that is not reached in 2 s is asked for", ({ harness }) => {
    harness.output(0, "abc", { head: 10 });
    harness.clock.advance(1999);
    expect(harness.repairs).toEqual([]);
    harness.clock.advance(1);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("nothing is asked for while the emulator still works: then the service waits for it on purpose", ({
    harness,
  }) => {
    harness.sink.eager = false;
    harness.output(0, "abc", { head: 10 });
    harness.clock.advance(4000);
    expect(harness.repairs).toEqual([]);
    harness.sink.parse();
    harness.clock.advance(2000);
    expect(harness.repairs).toHaveLength(1);
  });
});

describe("acknowledgement", () => {
  test("comes 2 s after the first byte was parsed, not when it arrived", ({ harness }) => {
    harness.sink.eager = false;
    harness.output(0, "abc");
    harness.clock.advance(5000);
    expect(harness.acks).toEqual([]);
    harness.sink.parse();
    harness.clock.advance(MAX_ACK_DELAY_MS - 1);
    expect(harness.acks).toEqual([]);
    harness.clock.advance(1);
    expect(harness.acks).toEqual([3]);
  });

  test("waits no longer than 2 s for output that trickles", ({ harness }) => {
    for (let pos = 0; pos < 30; pos += 1) {
      harness.output(pos, "x");
      harness.clock.advance(100);
    }
    expect(harness.acks).toEqual([20]);
  });

  test("travels with the next key, and not by itself", ({ harness }) => {
    harness.output(0, "abc");
    harness.client.input("x");
    harness.client.input("y");
    harness.clock.advance(5000);
    expect(
      harness.socket
        .of("input")
        .map((input) => input.ack)
        .slice(0, 2),
    ).toEqual([3, undefined]);
    expect(harness.acks).toEqual([]);
  });

  test("comes at once for each 64 KiB", ({ harness }) => {
    for (let at = 0; at < 4; at += 1) harness.output(at * 20_000, "x".repeat(20_000));
    expect(harness.acks).toEqual([80_000]);
  });

  test("needs no emulator", () => {
    const harness = new Harness().open();
    harness.attached();
    harness.output(0, "abc");
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect(harness.acks).toEqual([3]);
  });

  test("is said again on the next connection, since it may have been lost", ({ harness }) => {
    harness.output(0, "abc");
    harness.clock.advance(MAX_ACK_DELAY_MS);
    harness.socket.end();
    harness.clock.advance(1000);
    harness.answer({ pos: 3 });
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect(harness.acks).toEqual([3]);
  });
});

describe("following", () => {
  test("is renewed every followMs", () => {
    const harness = new Harness().attach({ followMs: 5000 });
    harness.clock.advance(4999);
    expect(harness.socket.of("follow")).toEqual([]);
    harness.clock.advance(1);
    expect(harness.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0 }]);
    harness.clock.advance(5000);
    expect(harness.socket.of("follow")).toHaveLength(2);
  });

  test("is asked for again soon when the gateway fails, less often each time", ({ harness }) => {
    const fault = { message: "Internal server error", connectionId: "K=", requestId: "r" };
    harness.socket.receive(fault);
    harness.clock.advance(1000);
    expect(harness.socket.of("follow")).toHaveLength(1);
    expect(harness.errorCodes).toEqual(["GATEWAY_FAULT"]);
    expect(harness.client.state.status).toBe("connected");
  });
});

describe("history", () => {
  test("an emulator that comes late gets it from the start; listeners hear nothing twice", () => {
    const harness = new Harness().open();
    harness.attached();
    harness.output(0, "abc");
    harness.event(3, { kind: "chat", from: "ada", message: "hi" });
    harness.client.attach(harness.sink);
    expect(harness.socket.of("attach").at(-1)).toEqual({ type: "attach", client: "c1", cols: 80, rows: 24 });
    harness.attached({ pos: 0, head: 4 });
    harness.output(0, "abc");
    harness.event(3, { kind: "chat", from: "ada", message: "hi" });
    harness.output(4, "def");
    expect(harness.sink.text).toBe("abcdef");
    expect(harness.messages.map((message) => message.type)).toEqual(["output", "event", "output"]);
  });

  test("an emulator that comes during an attach still gets everything", () => {
    const harness = new Harness().open();
    harness.attached();
    harness.output(0, "abc");
    harness.error("NOT_ATTACHED");
    harness.client.attach(harness.sink);
    harness.attached({ pos: 3 });
    expect(harness.socket.of("attach").map((attach) => attach.resume?.pos)).toEqual([undefined, 3, undefined]);
    harness.attached({ pos: 0, head: 3 });
    harness.output(0, "abc");
    expect(harness.sink.text).toBe("abc");
  });

  test("an answer to the attach before the one that asked for history brings none", ({ harness }) => {
    harness.output(0, "abc");
    harness.error("NOT_ATTACHED");
    harness.client.attach(harness.sink);
    harness.clock.advance(1000);
    expect(harness.socket.of("attach").map((attach) => attach.resume?.pos)).toEqual([undefined, 3, undefined]);
    harness.attached({ pos: 3 });
    expect(harness.socket.of("attach")).toHaveLength(4);
    harness.attached({ pos: 0, head: 3 });
    harness.output(0, "abc");
    expect(harness.sink.journal.slice(2)).toEqual(["reset full", "size 80x24", "> abc"]);
  });
});
