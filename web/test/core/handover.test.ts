/**
 * A connection is replaced before its time is up, and nobody notices.
 */

import { describe, expect } from "vitest";
import type { ClientOptions } from "../../src/core/index.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";
import type { FakeSocket } from "../support/socket.ts";

const MINUTE_MS = 60_000;

/** An attached client, and a way to let time pass while everything is alive. */
function alive(options: Partial<ClientOptions> = {}) {
  const harness = new Harness(options).attach();
  const states: string[] = [];
  harness.client.subscribe(() => {
    const { status } = harness.client.state;
    if (status !== (states.at(-1) ?? "connected")) states.push(status);
  });
  const live = (ms: number, until = () => false) => {
    for (let passed = 0; passed < ms && !until(); passed += 5000) {
      harness.clock.advance(5000);
      for (const socket of harness.sockets) if (!socket.closed) socket.receive({ type: "pong", timestamp: 1 });
    }
  };
  return { harness, states, live, first: harness.sockets[0] as FakeSocket };
}

const second = (harness: Harness) => harness.sockets[1] as FakeSocket;

describe("when", () => {
  test.each([
    [0, 105],
    [0.5, 110],
    [0.999, 115],
  ])("with chance %d, after %d minutes", (chance, minutes) => {
    const { harness, live } = alive({ random: () => chance });
    live((minutes - 1) * MINUTE_MS);
    expect(harness.sockets).toHaveLength(1);
    live(MINUTE_MS + 5000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("as soon as there is another token, but not for the same or for a function", () => {
    const { harness } = alive();
    harness.client.setToken("secret");
    harness.client.setToken(() => "later");
    expect(harness.sockets).toHaveLength(1);
    harness.client.setToken("fresh");
    expect(second(harness).url).toContain("token=fresh");
  });

  test("not because the client attached again on the same connection", () => {
    const { harness, live } = alive();
    live(60 * MINUTE_MS);
    harness.error("NOT_ATTACHED");
    harness.attached();
    live(49 * MINUTE_MS);
    expect(harness.sockets).toHaveLength(1);
    live(2 * MINUTE_MS, () => harness.sockets.length === 2);
    expect(harness.sockets).toHaveLength(2);
  });
});

describe("how", () => {
  test("the second attaches while the first still works, then takes over, then the first is closed", () => {
    const { harness, states, first } = alive();
    harness.output(0, "abc");
    harness.client.setToken("fresh");
    // Both directions go on, over the first.
    first.receive({ type: "output", epoch: EPOCH, pos: 3, len: 1, data: "d", head: 4 });
    harness.client.input("x");
    expect(first.of("input")).toHaveLength(1);
    second(harness).onopen?.();
    expect(second(harness).sent).toMatchObject([{ type: "attach", resume: { epoch: EPOCH, pos: 4 } }]);
    first.receive({ type: "output", epoch: EPOCH, pos: 4, len: 1, data: "e", head: 5 });
    first.receive({ type: "input_ack", epoch: EPOCH, ackSeq: 1 });
    harness.client.input("y");
    expect(first.closed).toBe(false);
    // What the second brings before it is attached waits for that.
    second(harness).receive({ type: "output", epoch: EPOCH, pos: 4, len: 2, data: "ef", head: 6 });
    harness.attached({ pos: 4, inputSeq: 1, head: 6 });
    expect(first.closed).toBe(true);
    expect(second(harness).of("input")).toMatchObject([{ seq: 2, data: "y" }]);
    harness.client.input("z");
    expect(second(harness).of("input")).toHaveLength(2);
    expect(harness.sink.text).toBe("abcdef");
    expect(states).toEqual([]);
    expect(harness.errors).toEqual([]);
  });

  test("an answer to its first attach is enough, although the first connection got further since", () => {
    const { harness, first } = alive();
    harness.client.setToken("fresh");
    second(harness).onopen?.();
    harness.client.input("x");
    harness.client.input("y");
    first.receive({ type: "input_ack", epoch: EPOCH, ackSeq: 2 });
    harness.clock.advance(1000);
    expect(second(harness).of("attach")).toHaveLength(2);
    harness.attached({ inputSeq: 1 });
    harness.client.input("z");
    expect(second(harness).of("input")).toMatchObject([{ seq: 3, data: "z" }]);
    expect(harness.errors).toEqual([]);
  });

  test("the next one is due as long after it", () => {
    const { harness, live } = alive();
    live(111 * MINUTE_MS, () => harness.sockets.length === 2);
    second(harness).onopen?.();
    harness.attached();
    live(109 * MINUTE_MS);
    expect(harness.sockets).toHaveLength(2);
    live(2 * MINUTE_MS, () => harness.sockets.length === 3);
    expect(harness.sockets).toHaveLength(3);
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
    const { harness, states, live, first } = alive({ random: () => 1 });
    let tries = 0;
    for (let at = 0; at < 1000 && tries < 6; at += 1) {
      live(119 * MINUTE_MS, () => harness.sockets.length === tries + 2);
      tries += 1;
      expect(first.closed).toBe(false);
      fails(harness.socket);
      expect(harness.socket.closed).toBe(true);
    }
    expect(tries).toBe(6);
    expect(harness.clock.now()).toBeLessThan(120 * MINUTE_MS);
    expect(states).toEqual([]);
    expect(harness.errors).toEqual([]);
    first.receive({ type: "output", epoch: EPOCH, pos: 0, len: 3, data: "abc", head: 3 });
    expect(harness.sink.text).toBe("abc");
  });

  test("when the first is lost meanwhile, the second is the next attempt", () => {
    const { harness, first } = alive();
    harness.output(0, "abc");
    harness.client.setToken("fresh");
    first.end(1001);
    expect(harness.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
    second(harness).onopen?.();
    harness.attached({ pos: 3 });
    expect(harness.client.state.status).toBe("connected");
    harness.clock.advance(10_000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("and when the second is lost too, others follow", () => {
    const { harness, first } = alive();
    harness.client.setToken("fresh");
    first.end(1001);
    second(harness).end();
    harness.reattach();
    expect(harness.client.state.status).toBe("connected");
  });

  test("a newer token replaces the one that is on its way", () => {
    const { harness } = alive();
    harness.client.setToken("t2");
    harness.client.setToken("t3");
    expect(second(harness).closed).toBe(true);
    expect(harness.socket.url).toContain("token=t3");
  });

  test("leaving leaves both", () => {
    const { harness, first } = alive();
    harness.client.setToken("fresh");
    harness.client.disconnect();
    expect([first.closed, second(harness).closed, harness.clock.pending]).toEqual([true, true, 0]);
  });
});
