/**
 * A connection is replaced before its time is up, and nobody notices.
 */

import { describe, expect, test } from "vitest";
import type { ClientOptions } from "../../src/core/index.ts";
import { Bench, EPOCH } from "../support/bench.ts";
import type { FakeSocket } from "../support/socket.ts";

const MINUTE_MS = 60_000;

/** An attached client, and a way to let time pass while everything is alive. */
function alive(options: Partial<ClientOptions> = {}) {
  const bench = new Bench(options).attach();
  const states: string[] = [];
  bench.client.subscribe(() => {
    const { status } = bench.client.state;
    if (status !== (states.at(-1) ?? "connected")) states.push(status);
  });
  const live = (ms: number, until = () => false) => {
    for (let passed = 0; passed < ms && !until(); passed += 5000) {
      bench.clock.advance(5000);
      for (const socket of bench.sockets) if (!socket.closed) socket.receive({ type: "pong", timestamp: 1 });
    }
  };
  return { bench, states, live, first: bench.sockets[0] as FakeSocket };
}

const second = (bench: Bench) => bench.sockets[1] as FakeSocket;

describe("when", () => {
  test.each([
    [0, 105],
    [0.5, 110],
    [0.999, 115],
  ])("with chance %d, after %d minutes", (chance, minutes) => {
    const { bench, live } = alive({ random: () => chance });
    live((minutes - 1) * MINUTE_MS);
    expect(bench.sockets).toHaveLength(1);
    live(MINUTE_MS + 5000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("as soon as there is another token, but not for the same or for a function", () => {
    const { bench } = alive();
    bench.client.setToken("secret");
    bench.client.setToken(() => "later");
    expect(bench.sockets).toHaveLength(1);
    bench.client.setToken("fresh");
    expect(second(bench).url).toContain("token=fresh");
  });

  test("not because the client attached again on the same connection", () => {
    const { bench, live } = alive();
    live(60 * MINUTE_MS);
    bench.socket.receive({ type: "error", code: "NOT_ATTACHED", message: "who?", retryable: false });
    bench.attached();
    live(49 * MINUTE_MS);
    expect(bench.sockets).toHaveLength(1);
    live(2 * MINUTE_MS, () => bench.sockets.length === 2);
    expect(bench.sockets).toHaveLength(2);
  });
});

describe("how", () => {
  test("the second attaches while the first still works, then takes over, then the first is closed", () => {
    const { bench, states, first } = alive();
    bench.output(0, "abc");
    bench.client.setToken("fresh");
    // Both directions go on, over the first.
    first.receive({ type: "output", epoch: EPOCH, pos: 3, len: 1, data: "d", head: 4 });
    bench.client.input("x");
    expect(first.of("input")).toHaveLength(1);
    second(bench).onopen?.();
    expect(second(bench).sent).toMatchObject([{ type: "attach", resume: { epoch: EPOCH, pos: 4 } }]);
    first.receive({ type: "output", epoch: EPOCH, pos: 4, len: 1, data: "e", head: 5 });
    first.receive({ type: "input_ack", epoch: EPOCH, ackSeq: 1 });
    bench.client.input("y");
    expect(first.closed).toBe(false);
    // What the second brings before it is attached waits for that.
    second(bench).receive({ type: "output", epoch: EPOCH, pos: 4, len: 2, data: "ef", head: 6 });
    bench.attached({ pos: 4, inputSeq: 1, head: 6 });
    expect(first.closed).toBe(true);
    expect(second(bench).of("input")).toMatchObject([{ seq: 2, data: "y" }]);
    bench.client.input("z");
    expect(second(bench).of("input")).toHaveLength(2);
    expect(bench.sink.text).toBe("abcdef");
    expect(states).toEqual([]);
    expect(bench.errors).toEqual([]);
  });

  test("an answer to its first attach is enough, although the first connection got further since", () => {
    const { bench, first } = alive();
    bench.client.setToken("fresh");
    second(bench).onopen?.();
    bench.client.input("x");
    bench.client.input("y");
    first.receive({ type: "input_ack", epoch: EPOCH, ackSeq: 2 });
    bench.clock.advance(1000);
    expect(second(bench).of("attach")).toHaveLength(2);
    bench.attached({ inputSeq: 1 });
    bench.client.input("z");
    expect(second(bench).of("input")).toMatchObject([{ seq: 3, data: "z" }]);
    expect(bench.errors).toEqual([]);
  });

  test("the next one is due as long after it", () => {
    const { bench, live } = alive();
    live(111 * MINUTE_MS, () => bench.sockets.length === 2);
    second(bench).onopen?.();
    bench.attached();
    live(109 * MINUTE_MS);
    expect(bench.sockets).toHaveLength(2);
    live(2 * MINUTE_MS, () => bench.sockets.length === 3);
    expect(bench.sockets).toHaveLength(3);
  });
});

describe("failing", () => {
  test.each<[string, (socket: FakeSocket) => void]>([
    ["is refused", (socket) => socket.end(4001)],
    ["is lost", (socket) => socket.end(1006)],
    [
      "is refused by the service",
      (socket) => {
        socket.onopen?.();
        socket.receive({ type: "error", code: "FORBIDDEN", message: "no", retryable: false });
      },
    ],
    [
      "meets a fault of the gateway",
      (socket) => {
        socket.onopen?.();
        socket.receive({ message: "Internal server error", connectionId: "K=", requestId: "r" });
      },
    ],
  ])("when the second %s, the first stays, and another is tried before the end", (_, fails) => {
    const { bench, states, live, first } = alive({ random: () => 1 });
    let tries = 0;
    for (let at = 0; at < 1000 && tries < 6; at += 1) {
      live(119 * MINUTE_MS, () => bench.sockets.length === tries + 2);
      tries += 1;
      expect(first.closed).toBe(false);
      fails(bench.socket);
      expect(bench.socket.closed).toBe(true);
    }
    expect(tries).toBe(6);
    expect(bench.clock.now()).toBeLessThan(120 * MINUTE_MS);
    expect(states).toEqual([]);
    expect(bench.errors).toEqual([]);
    first.receive({ type: "output", epoch: EPOCH, pos: 0, len: 3, data: "abc", head: 3 });
    expect(bench.sink.text).toBe("abc");
  });

  test("when the first is lost meanwhile, the second is the next attempt", () => {
    const { bench, first } = alive();
    bench.output(0, "abc");
    bench.client.setToken("fresh");
    first.end(1001);
    expect(bench.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
    second(bench).onopen?.();
    bench.attached({ pos: 3 });
    expect(bench.client.state.status).toBe("connected");
    bench.clock.advance(10_000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("and when the second is lost too, others follow", () => {
    const { bench, first } = alive();
    bench.client.setToken("fresh");
    first.end(1001);
    second(bench).end();
    bench.reopen();
    bench.attached();
    expect(bench.client.state.status).toBe("connected");
  });

  test("a newer token replaces the one that is on its way", () => {
    const { bench } = alive();
    bench.client.setToken("t2");
    bench.client.setToken("t3");
    expect(second(bench).closed).toBe(true);
    expect(bench.socket.url).toContain("token=t3");
  });

  test("leaving leaves both", () => {
    const { bench, first } = alive();
    bench.client.setToken("fresh");
    bench.client.disconnect();
    expect([first.closed, second(bench).closed, bench.clock.pending]).toEqual([true, true, 0]);
  });
});
