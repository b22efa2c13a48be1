/**
 * Output reaches the emulator in order and once, and is acknowledged once parsed.
 */

import { describe, expect } from "vitest";
import { MAX_ACK_DELAY_MS } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("order", () => {
  test("early frames are held, repeated ones dropped, overlapping ones trimmed", ({ harness }) => {
    harness.output(3, "def");
    harness.output(0, "abc");
    harness.output(0, "abc");
    harness.output(4, "efgh");
    expect(harness.sink.text).toBe("abcdefgh");
  });

  test("held frames may overlap repaired ones", ({ harness }) => {
    harness.output(4, "efgh");
    harness.output(8, "ij");
    harness.output(0, "abcdef");
    expect(harness.sink.text).toBe("abcdefghij");
  });

  test("binary output is unchanged", ({ harness }) => {
    harness.socket.receive({ type: "output", epoch: EPOCH, pos: 0, len: 3, b64: "/wCA" });
    expect(harness.messages).toEqual([{ type: "output", pos: 0, bytes: new Uint8Array([0xff, 0, 0x80]) }]);
  });

  test("a frame of the wrong length is requested again", ({ harness }) => {
    harness.output(0, "abc", { head: 4 });
    harness.socket.receive({ type: "output", epoch: EPOCH, pos: 3, len: 9, data: "d", head: 4 });
    harness.clock.advance(2000);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("a frame of an earlier epoch is ignored", ({ harness }) => {
    harness.output(0, "old", { epoch: EPOCH - 1 } as object);
    expect(harness.sink.text).toBe("");
  });

  test("frames before the attach are kept", () => {
    const harness = new Harness();
    harness.client.attach(harness.sink);
    harness.open();
    harness.output(0, "abc");
    harness.attached();
    expect(harness.sink.text).toBe("abc");
  });

  test("frames before the attach are dropped if the page disconnects during it", () => {
    const harness = new Harness();
    harness.client.attach(harness.sink);
    harness.client.subscribe(() => harness.client.state.status === "connected" && harness.client.disconnect());
    harness.open();
    harness.output(0, "abc");
    harness.attached();
    expect(harness.client.state.status).toBe("closed");
    expect(harness.sink.text).toBe("");
  });

  test("an event of an unknown kind takes its place and does nothing", ({ harness }) => {
    harness.event(0, { kind: "from_the_future", cols: 3 });
    harness.output(1, "abc");
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect([harness.sink.text, harness.acks, harness.errors]).toEqual(["abc", [4], []]);
  });

  test("a size applies exactly between the bytes around it", ({ harness }) => {
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
  test("requests a gap after 300 ms, then with increasing delays", ({ harness }) => {
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

  test("does not request a gap that closes", ({ harness }) => {
    harness.output(3, "def");
    harness.clock.advance(200);
    harness.output(0, "abc");
    harness.clock.advance(5000);
    expect(harness.repairs).toEqual([]);
  });

  test("requests a missing tail after 2 s", ({ harness }) => {
    harness.output(0, "abc", { head: 10 });
    harness.clock.advance(1999);
    expect(harness.repairs).toEqual([]);
    harness.clock.advance(1);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 3, repair: true }]);
  });

  test("requests nothing while the emulator is busy, since the service then pauses", ({ harness }) => {
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
  test("is sent 2 s after the first byte was parsed, not after it arrived", ({ harness }) => {
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

  test("is delayed at most 2 s while output trickles", ({ harness }) => {
    for (let pos = 0; pos < 30; pos += 1) {
      harness.output(pos, "x");
      harness.clock.advance(100);
    }
    expect(harness.acks).toEqual([20]);
  });

  test("is carried by the next input message", ({ harness }) => {
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

  test("is sent at once for each 64 KiB", ({ harness }) => {
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

  test("is repeated on the next connection", ({ harness }) => {
    harness.output(0, "abc");
    harness.clock.advance(MAX_ACK_DELAY_MS);
    harness.socket.end();
    harness.clock.advance(1000);
    harness.answer({ pos: 3 });
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect(harness.acks).toEqual([3]);
  });
});

describe("the permission to send", () => {
  test("is renewed every followMs", () => {
    const harness = new Harness().attach({ followMs: 5000 });
    harness.clock.advance(4999);
    expect(harness.socket.of("follow")).toEqual([]);
    harness.clock.advance(1);
    expect(harness.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0 }]);
    harness.clock.advance(5000);
    expect(harness.socket.of("follow")).toHaveLength(2);
  });

  test("is renewed at once when the service asks, and then every followMs again", () => {
    const harness = new Harness().attach({ followMs: 5000 });
    harness.clock.advance(4000);
    harness.socket.receive({ type: "renew", epoch: EPOCH - 1 });
    expect(harness.socket.of("follow")).toEqual([]);
    harness.socket.receive({ type: "renew", epoch: EPOCH });
    expect(harness.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0 }]);
    harness.clock.advance(4999);
    expect(harness.socket.of("follow")).toHaveLength(1);
    harness.clock.advance(1);
    expect(harness.socket.of("follow")).toHaveLength(2);
  });

  test("is renewed after a fault of the gateway", ({ harness }) => {
    const fault = { message: "Internal server error", connectionId: "K=", requestId: "r" };
    harness.socket.receive(fault);
    harness.clock.advance(1000);
    expect(harness.socket.of("follow")).toHaveLength(1);
    expect(harness.errorCodes).toEqual(["GATEWAY_FAULT"]);
    expect(harness.client.state.status).toBe("connected");
  });
});

describe("history", () => {
  test("is sent to a late emulator, without repeating events to listeners", () => {
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

  test("is requested for an emulator that comes during an attach", () => {
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

  test("is requested again if the answer is to an earlier attach", ({ harness }) => {
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
