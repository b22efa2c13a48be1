/**
 * Connections that died without a word, machines that slept, pages that nobody looks at.
 */

import { describe, expect, test } from "vitest";
import { Bench, EPOCH } from "../support/bench.ts";

describe("a dead connection", () => {
  test("is noticed by a ping without answer, and the next is opened at once", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.clock.advance(5000);
    expect(bench.socket.of("ping")).toHaveLength(2);
    bench.pong();
    // The third comes when the first permission to send has run out.
    bench.clock.advance(25_000);
    expect(bench.socket.of("ping")).toHaveLength(3);
    bench.clock.advance(14_999);
    expect(bench.sockets[0]?.closed).toBe(false);
    bench.clock.advance(1);
    expect(bench.sockets[0]?.closed).toBe(true);
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(2);
  });

  test("is left at once after a long sleep", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.clock.sleep(8 * 3_600_000);
    // A look at the clock on the wall, every 5 s of being awake.
    bench.clock.advance(5000);
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(2);
    expect(bench.sockets[0]?.closed).toBe(true);
  });

  test("is doubted after a short one, and kept when it answers", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.clock.advance(10_000);
    bench.pong();
    const pings = bench.socket.of("ping").length;
    bench.clock.sleep(20_000);
    bench.clock.advance(5000);
    expect(bench.socket.of("ping")).toHaveLength(pings + 1);
    bench.clock.advance(1000);
    bench.pong();
    bench.clock.advance(20_000);
    expect(bench.sockets).toHaveLength(1);
    bench.page.online();
    bench.clock.advance(4999);
    expect(bench.sockets[0]?.closed).toBe(false);
    bench.clock.advance(1);
    expect(bench.sockets[0]?.closed).toBe(true);
  });

  test("an attempt that slept is begun anew", () => {
    const bench = new Bench().open();
    bench.clock.sleep(600_000);
    bench.page.show();
    bench.clock.advance(1000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("is not asked for a sign of life while frames come, but for its latency every 2 min", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.clock.advance(5000);
    bench.pong();
    const pings = bench.socket.of("ping").length;
    for (let at = 0; at < 119; at += 1) {
      bench.clock.advance(1000);
      bench.output(at, "x");
    }
    expect(bench.socket.of("ping")).toHaveLength(pings);
    bench.clock.advance(1000);
    expect(bench.socket.of("ping")).toHaveLength(pings + 1);
  });

  test("the way there and back is measured by the answer to a ping", () => {
    const bench = new Bench().attach();
    const [ping] = bench.socket.of("ping");
    bench.clock.advance(42);
    bench.socket.receive({ type: "pong", t: ping?.t, timestamp: 1 });
    expect(bench.client.state.latency).toMatchObject({ totalMs: 42 });
  });
});

describe("a page that nobody looks at", () => {
  /** Time passes while everything is alive. */
  const live = (bench: Bench, minutes: number) => {
    for (let second = 0; second < minutes * 60; second += 5) {
      bench.clock.advance(5000);
      if (!bench.socket.closed) bench.pong();
    }
  };
  const away = () => {
    const bench = new Bench().attach();
    bench.page.hide();
    live(bench, 10);
    return bench;
  };

  test("asks for nothing after ten minutes, and attaches again when it is shown", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.page.hide();
    live(bench, 9);
    const before = bench.socket.texts.length;
    live(bench, 1);
    expect(bench.socket.texts.length).toBeGreaterThan(before);
    const rested = bench.socket.texts.length;
    live(bench, 30);
    expect(bench.socket.texts).toHaveLength(rested);
    bench.page.show();
    expect(bench.socket.sent.at(-1)).toMatchObject({ type: "attach", resume: { epoch: EPOCH, pos: 3 } });
    bench.attached({ pos: 3 });
    bench.output(3, "def");
    expect(bench.sink.text).toBe("abcdef");
    expect(bench.sockets).toHaveLength(1);
  });

  test.each<[string, (bench: Bench) => void]>([
    ["shown", (bench) => bench.page.show()],
    ["used", (bench) => bench.client.input("x")],
  ])("does not come back when the platform closes the connection meanwhile, until it is %s", (_, wake) => {
    const bench = away();
    const errors = bench.errors.length;
    bench.socket.end(1001);
    bench.clock.advance(3_600_000);
    bench.page.online();
    bench.clock.advance(60_000);
    expect(bench.sockets).toHaveLength(1);
    expect(bench.errors).toHaveLength(errors);
    wake(bench);
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(2);
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("rests again when somebody used it without looking, but not while a result is awaited", async () => {
    const bench = away();
    const result = bench.client.executeCommand("make");
    bench.attached();
    expect(bench.socket.of("command")).toHaveLength(1);
    bench.ack(1);
    live(bench, 25);
    const busy = bench.socket.texts.length;
    live(bench, 1);
    expect(bench.socket.texts.length).toBeGreaterThan(busy);
    bench.event(0, { kind: "command_result", id: "c1", result: "", truncated: false, exitCode: 0 });
    await expect(result).resolves.toMatchObject({ exitCode: 0 });
    live(bench, 11);
    const rested = bench.socket.texts.length;
    live(bench, 30);
    expect(bench.socket.texts).toHaveLength(rested);
  });

  test("takes another connection when it is shown after long, since nobody knows whether the first still is one", () => {
    const bench = new Bench().attach();
    bench.clock.advance(2000);
    bench.pong();
    bench.page.hide();
    bench.clock.sleep(3_600_000);
    bench.page.show();
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(2);
  });
});
