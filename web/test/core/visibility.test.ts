/**
 * Connections that died without a word, machines that slept, pages that nobody looks at.
 */

import { describe, expect } from "vitest";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("a dead connection", () => {
  test("is noticed by a ping without answer, and the next is opened at once", ({ harness }) => {
    harness.pong();
    harness.clock.advance(5000);
    expect(harness.socket.of("ping")).toHaveLength(2);
    harness.pong();
    // The third comes when the first permission to send has run out.
    harness.clock.advance(25_000);
    expect(harness.socket.of("ping")).toHaveLength(3);
    harness.clock.advance(14_999);
    expect(harness.sockets[0]?.closed).toBe(false);
    harness.clock.advance(1);
    expect(harness.sockets[0]?.closed).toBe(true);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
  });

  test("is left at once after a long sleep", ({ harness }) => {
    harness.pong();
    harness.clock.sleep(8 * 3_600_000);
    // A look at the clock on the wall, every 5 s of being awake.
    harness.clock.advance(5000);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
    expect(harness.sockets[0]?.closed).toBe(true);
  });

  test("is doubted after a short one, and kept when it answers", ({ harness }) => {
    harness.pong();
    harness.clock.advance(10_000);
    harness.pong();
    const pings = harness.socket.of("ping").length;
    harness.clock.sleep(20_000);
    harness.clock.advance(5000);
    expect(harness.socket.of("ping")).toHaveLength(pings + 1);
    harness.clock.advance(1000);
    harness.pong();
    harness.clock.advance(20_000);
    expect(harness.sockets).toHaveLength(1);
    harness.page.online();
    harness.clock.advance(4999);
    expect(harness.sockets[0]?.closed).toBe(false);
    harness.clock.advance(1);
    expect(harness.sockets[0]?.closed).toBe(true);
  });

  test("an attempt that slept is begun anew", () => {
    const harness = new Harness().open();
    harness.clock.sleep(600_000);
    harness.page.show();
    harness.clock.advance(1000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("is not asked for a sign of life while frames come, but for its latency every 2 min", ({ harness }) => {
    harness.pong();
    harness.clock.advance(5000);
    harness.pong();
    const pings = harness.socket.of("ping").length;
    for (let at = 0; at < 119; at += 1) {
      harness.clock.advance(1000);
      harness.output(at, "x");
    }
    expect(harness.socket.of("ping")).toHaveLength(pings);
    harness.clock.advance(1000);
    expect(harness.socket.of("ping")).toHaveLength(pings + 1);
  });

  test("the way there and back is measured by the answer to a ping", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.clock.advance(42);
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1 });
    expect(harness.client.state.latency).toMatchObject({ totalMs: 42 });
  });
});

describe("a page that nobody looks at", () => {
  /** Time passes while everything is alive. */
  const live = (harness: Harness, minutes: number) => {
    for (let second = 0; second < minutes * 60; second += 5) {
      harness.clock.advance(5000);
      if (!harness.socket.closed) harness.pong();
    }
  };
  const away = () => {
    const harness = new Harness().attach();
    harness.page.hide();
    live(harness, 10);
    return harness;
  };

  test("asks for nothing after ten minutes, and attaches again when it is shown", ({ harness }) => {
    harness.output(0, "abc");
    harness.page.hide();
    live(harness, 9);
    const before = harness.socket.texts.length;
    live(harness, 1);
    expect(harness.socket.texts.length).toBeGreaterThan(before);
    const rested = harness.socket.texts.length;
    live(harness, 30);
    expect(harness.socket.texts).toHaveLength(rested);
    harness.page.show();
    expect(harness.socket.sent.at(-1)).toMatchObject({ type: "attach", resume: { epoch: EPOCH, pos: 3 } });
    harness.attached({ pos: 3 });
    harness.output(3, "def");
    expect(harness.sink.text).toBe("abcdef");
    expect(harness.sockets).toHaveLength(1);
  });

  test.each<[string, (harness: Harness) => void]>([
    ["shown", (harness) => harness.page.show()],
    ["used", (harness) => harness.client.input("x")],
  ])("does not come back when the platform closes the connection meanwhile, until it is %s", (_, wake) => {
    const harness = away();
    const errors = harness.errors.length;
    harness.socket.end(1001);
    harness.clock.advance(3_600_000);
    harness.page.online();
    harness.clock.advance(60_000);
    expect(harness.sockets).toHaveLength(1);
    expect(harness.errors).toHaveLength(errors);
    wake(harness);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
    harness.answer();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("rests again when somebody used it without looking, but not while a result is awaited", async () => {
    const harness = away();
    const result = harness.client.executeCommand("make");
    harness.attached();
    expect(harness.socket.of("command")).toHaveLength(1);
    harness.ack(1);
    live(harness, 25);
    const busy = harness.socket.texts.length;
    live(harness, 1);
    expect(harness.socket.texts.length).toBeGreaterThan(busy);
    harness.event(0, { kind: "command_result", id: "c1", result: "", truncated: false, exitCode: 0 });
    await expect(result).resolves.toMatchObject({ exitCode: 0 });
    live(harness, 11);
    const rested = harness.socket.texts.length;
    live(harness, 30);
    expect(harness.socket.texts).toHaveLength(rested);
  });

  test("takes another connection when it is shown after long, since nobody knows whether the first still is one", ({
    harness,
  }) => {
    harness.clock.advance(2000);
    harness.pong();
    harness.page.hide();
    harness.clock.sleep(3_600_000);
    harness.page.show();
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
  });
});
