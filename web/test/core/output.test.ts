/**
 * Output reaches the emulator in order and once, and is acknowledged when it has been parsed.
 */

import { describe, expect, test } from "vitest";
import { ACK_WITHIN_MS } from "../../src/protocol/generated.ts";
import { Bench, EPOCH } from "../support/bench.ts";

const repairs = (bench: Bench) => bench.socket.of("follow").filter((follow) => follow.repair);

describe("order", () => {
  test("early frames wait, repeated ones are dropped, overlapping ones are cut", () => {
    const bench = new Bench().attach();
    bench.output(3, "def");
    bench.output(0, "abc");
    bench.output(0, "abc");
    bench.output(4, "efgh");
    expect(bench.sink.text).toBe("abcdefgh");
  });

  test("held frames with other cuts than the repaired ones still fit", () => {
    const bench = new Bench().attach();
    bench.output(4, "efgh");
    bench.output(8, "ij");
    bench.output(0, "abcdef");
    expect(bench.sink.text).toBe("abcdefghij");
  });

  test("bytes of every kind arrive as they are", () => {
    const bench = new Bench().attach();
    bench.socket.receive({ type: "output", epoch: EPOCH, pos: 0, len: 3, b64: "/wCA" });
    expect(bench.messages).toEqual([{ type: "output", pos: 0, bytes: new Uint8Array([0xff, 0, 0x80]) }]);
  });

  test("a frame whose length is wrong counts as lost", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc", { head: 4 });
    bench.socket.receive({ type: "output", epoch: EPOCH, pos: 3, len: 9, data: "d", head: 4 });
    bench.clock.advance(2000);
    expect(repairs(bench)).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("an older life of the shell is refused", () => {
    const bench = new Bench().attach();
    bench.output(0, "old", { epoch: EPOCH - 1 } as object);
    expect(bench.sink.text).toBe("");
  });

  test("frames that overtake the attach are kept for it", () => {
    const bench = new Bench();
    bench.client.attach(bench.sink);
    bench.open();
    bench.output(0, "abc");
    bench.attached();
    expect(bench.sink.text).toBe("abc");
  });

  test("a size stands exactly between the bytes before and after it", () => {
    const bench = new Bench().attach();
    bench.sink.eager = false;
    bench.output(0, "wide");
    bench.event(4, { kind: "size", cols: 40, rows: 10 });
    bench.output(5, "narrow");
    expect(bench.sink.journal).toEqual(["size 80x24"]);
    bench.sink.parse();
    expect(bench.sink.journal).toEqual(["size 80x24", "> wide", "size 40x10", "> narrow"]);
    expect(bench.client.state.size).toEqual({ cols: 40, rows: 10 });
  });
});

describe("repair", () => {
  test("a gap of 300 ms is asked for, then less and less often", () => {
    const bench = new Bench().attach();
    bench.output(3, "def");
    bench.clock.advance(299);
    expect(repairs(bench)).toEqual([]);
    bench.clock.advance(1);
    expect(repairs(bench)).toEqual([{ type: "follow", epoch: EPOCH, pos: 0, repair: true }]);
    bench.clock.advance(1000);
    expect(repairs(bench)).toHaveLength(2);
    bench.clock.advance(1999);
    expect(repairs(bench)).toHaveLength(2);
    bench.clock.advance(1);
    expect(repairs(bench)).toHaveLength(3);
  });

  test("a gap that closes is not asked for", () => {
    const bench = new Bench().attach();
    bench.output(3, "def");
    bench.clock.advance(200);
    bench.output(0, "abc");
    bench.clock.advance(5000);
    expect(repairs(bench)).toEqual([]);
  });

  test("an end that is not reached in 2 s is asked for", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc", { head: 10 });
    bench.clock.advance(1999);
    expect(repairs(bench)).toEqual([]);
    bench.clock.advance(1);
    expect(repairs(bench)).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("nothing is asked for while the emulator still works: then the service waits for it on purpose", () => {
    const bench = new Bench().attach();
    bench.sink.eager = false;
    bench.output(0, "abc", { head: 10 });
    bench.clock.advance(4000);
    expect(repairs(bench)).toEqual([]);
    bench.sink.parse();
    bench.clock.advance(2000);
    expect(repairs(bench)).toHaveLength(1);
  });
});

describe("acknowledgement", () => {
  const acks = (bench: Bench) => bench.socket.of("ack").map((ack) => ack.pos);

  test("comes 2 s after the first byte was parsed, not when it arrived", () => {
    const bench = new Bench().attach();
    bench.sink.eager = false;
    bench.output(0, "abc");
    bench.clock.advance(5000);
    expect(acks(bench)).toEqual([]);
    bench.sink.parse();
    bench.clock.advance(ACK_WITHIN_MS - 1);
    expect(acks(bench)).toEqual([]);
    bench.clock.advance(1);
    expect(acks(bench)).toEqual([3]);
  });

  test("waits no longer than 2 s for output that trickles", () => {
    const bench = new Bench().attach();
    for (let pos = 0; pos < 30; pos += 1) {
      bench.output(pos, "x");
      bench.clock.advance(100);
    }
    expect(acks(bench)).toEqual([20]);
  });

  test("travels with the next key, and not by itself", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.client.input("x");
    bench.client.input("y");
    bench.clock.advance(5000);
    expect(
      bench.socket
        .of("input")
        .map((input) => input.ack)
        .slice(0, 2),
    ).toEqual([3, undefined]);
    expect(acks(bench)).toEqual([]);
  });

  test("comes at once for each 64 KiB", () => {
    const bench = new Bench().attach();
    for (let at = 0; at < 4; at += 1) bench.output(at * 20_000, "x".repeat(20_000));
    expect(acks(bench)).toEqual([80_000]);
  });

  test("needs no emulator", () => {
    const bench = new Bench().open();
    bench.attached();
    bench.output(0, "abc");
    bench.clock.advance(ACK_WITHIN_MS);
    expect(acks(bench)).toEqual([3]);
  });

  test("is said again on the next connection, since it may have been lost", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.clock.advance(ACK_WITHIN_MS);
    bench.socket.end();
    bench.clock.advance(1000);
    bench.socket.onopen?.();
    bench.attached({ pos: 3 });
    bench.clock.advance(ACK_WITHIN_MS);
    expect(acks(bench)).toEqual([3]);
  });
});

describe("following", () => {
  test("is renewed every followMs", () => {
    const bench = new Bench().attach({ followMs: 5000 });
    bench.clock.advance(4999);
    expect(bench.socket.of("follow")).toEqual([]);
    bench.clock.advance(1);
    expect(bench.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0 }]);
    bench.clock.advance(5000);
    expect(bench.socket.of("follow")).toHaveLength(2);
  });

  test("is asked for again soon when the gateway fails, less often each time", () => {
    const bench = new Bench().attach();
    const fault = { message: "Internal server error", connectionId: "K=", requestId: "r" };
    bench.socket.receive(fault);
    bench.clock.advance(1000);
    expect(bench.socket.of("follow")).toHaveLength(1);
    expect(bench.errors.map((error) => error.code)).toEqual(["GATEWAY_FAULT"]);
    expect(bench.client.state.status).toBe("connected");
  });
});

describe("history", () => {
  test("an emulator that comes late gets it from the start; listeners hear nothing twice", () => {
    const bench = new Bench().open();
    bench.attached();
    bench.output(0, "abc");
    bench.event(3, { kind: "chat", from: "ada", message: "hi" });
    bench.client.attach(bench.sink);
    expect(bench.socket.of("attach").at(-1)).toEqual({ type: "attach", client: "c1", cols: 80, rows: 24 });
    bench.attached({ pos: 0, head: 4 });
    bench.output(0, "abc");
    bench.event(3, { kind: "chat", from: "ada", message: "hi" });
    bench.output(4, "def");
    expect(bench.sink.text).toBe("abcdef");
    expect(bench.messages.map((message) => message.type)).toEqual(["output", "event", "output"]);
  });

  test("an emulator that comes during an attach still gets everything", () => {
    const bench = new Bench().open();
    bench.attached();
    bench.output(0, "abc");
    bench.socket.receive({ type: "error", code: "NOT_ATTACHED", message: "who?", retryable: false });
    bench.client.attach(bench.sink);
    bench.attached({ pos: 3 });
    expect(bench.socket.of("attach").map((attach) => attach.resume?.pos)).toEqual([undefined, 3, undefined]);
    bench.attached({ pos: 0, head: 3 });
    bench.output(0, "abc");
    expect(bench.sink.text).toBe("abc");
  });

  test("an answer to the attach before the one that asked for history brings none", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.receive({ type: "error", code: "NOT_ATTACHED", message: "who?", retryable: false });
    bench.client.attach(bench.sink);
    bench.clock.advance(1000);
    expect(bench.socket.of("attach").map((attach) => attach.resume?.pos)).toEqual([undefined, 3, undefined]);
    bench.attached({ pos: 3 });
    expect(bench.socket.of("attach")).toHaveLength(4);
    bench.attached({ pos: 0, head: 3 });
    bench.output(0, "abc");
    expect(bench.sink.journal.slice(2)).toEqual(["reset full", "size 80x24", "> abc"]);
  });
});
