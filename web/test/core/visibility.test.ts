/**
 * Dead connections, sleeping machines, hidden pages.
 */

import { describe, expect } from "vitest";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("a dead connection", () => {
  test("is detected by an unanswered ping and replaced at once", ({ harness }) => {
    harness.pong();
    harness.clock.advance(5000);
    expect(harness.socket.of("ping")).toHaveLength(2);
    harness.pong();
    // The third ping follows when the first relay has ended.
    harness.clock.advance(25_000);
    expect(harness.socket.of("ping")).toHaveLength(3);
    harness.clock.advance(14_999);
    expect(harness.sockets[0]?.closed).toBe(false);
    harness.clock.advance(1);
    expect(harness.sockets[0]?.closed).toBe(true);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
  });

  test("is replaced at once after a long sleep", ({ harness }) => {
    harness.pong();
    harness.clock.sleep(8 * 3_600_000);
    // The wall clock is polled every 5 s.
    harness.clock.advance(5000);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
    expect(harness.sockets[0]?.closed).toBe(true);
  });

  test("is probed after a short sleep, and kept if it answers", ({ harness }) => {
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
    harness.page.goOnline();
    harness.clock.advance(4999);
    expect(harness.sockets[0]?.closed).toBe(false);
    harness.clock.advance(1);
    expect(harness.sockets[0]?.closed).toBe(true);
  });

  test("is given up if the machine slept during the attempt", () => {
    const harness = new Harness().open();
    harness.clock.sleep(600_000);
    harness.page.show();
    harness.clock.advance(1000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("is ruled out by frames, and pinged every 2 min for the latency", ({ harness }) => {
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

  test("a pong measures the latency", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.clock.advance(42);
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1 });
    expect(harness.client.state.latency).toMatchObject({ totalMs: 42 });
  });
});

describe("a hidden page", () => {
  /** Lets time pass while pings are answered. */
  const live = (harness: Harness, minutes: number) => {
    for (let second = 0; second < minutes * 60; second += 5) {
      harness.clock.advance(5000);
      if (!harness.socket.closed) harness.pong();
    }
  };
  const hidden = () => {
    const harness = new Harness().attach();
    harness.page.hide();
    live(harness, 10);
    return harness;
  };

  test("asks for frames at once when shown, because it may have been given up", ({ harness }) => {
    harness.page.hide();
    harness.clock.advance(1000);
    expect(harness.socket.of("follow")).toEqual([]);
    harness.page.show();
    expect(harness.socket.of("follow")).toHaveLength(1);
  });

  test("suspends after ten minutes, and attaches again when shown", ({ harness }) => {
    harness.output(0, "abc", { prompt: true });
    harness.page.hide();
    live(harness, 9);
    const before = harness.socket.texts.length;
    live(harness, 1);
    expect(harness.socket.texts.length).toBeGreaterThan(before);
    const suspended = harness.socket.texts.length;
    live(harness, 30);
    expect(harness.socket.texts).toHaveLength(suspended);
    harness.page.show();
    expect(harness.socket.sent.at(-1)).toMatchObject({ type: "attach", resume: { epoch: EPOCH, pos: 3 } });
    harness.attached({ pos: 3 });
    harness.output(3, "def");
    expect(harness.sink.text).toBe("abcdef");
    expect(harness.sockets).toHaveLength(1);
  });

  test("pings each 8 min while a program runs, and only then, so that its shell is kept", () => {
    for (const [prompt, pings] of [
      [false, 3],
      [true, 0],
    ] as const) {
      const harness = new Harness().attach();
      harness.output(0, "$ ", { prompt });
      harness.page.hide();
      live(harness, 10);
      const [before, suspended] = [harness.socket.of("ping").length, harness.socket.texts.length];
      live(harness, 7);
      expect(harness.socket.texts).toHaveLength(suspended);
      live(harness, 17);
      expect(harness.socket.of("ping")).toHaveLength(before + pings);
      expect(harness.socket.texts, "asks for no frames").toHaveLength(suspended + pings);
    }
  });

  test.each<[string, (harness: Harness) => void]>([
    ["shown", (harness) => harness.page.show()],
    ["used", (harness) => harness.client.input("x")],
  ])("does not reconnect until it is %s", (_, wake) => {
    const harness = hidden();
    const errors = harness.errors.length;
    harness.socket.end(1001);
    harness.clock.advance(3_600_000);
    harness.page.goOnline();
    harness.clock.advance(60_000);
    expect(harness.sockets).toHaveLength(1);
    expect(harness.errors).toHaveLength(errors);
    wake(harness);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
    harness.answer();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("suspends again after use, but not while a result is pending", async () => {
    const harness = hidden();
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
    harness.output(1, "$ ", { ackSeq: 1, prompt: true });
    live(harness, 11);
    const suspended = harness.socket.texts.length;
    live(harness, 30);
    expect(harness.socket.texts).toHaveLength(suspended);
  });

  test("replaces its connection when shown after a long sleep", ({ harness }) => {
    harness.clock.advance(2000);
    harness.pong();
    harness.page.hide();
    harness.clock.sleep(3_600_000);
    harness.page.show();
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(2);
  });
});
