/**
 * A connection is replaced before its time limit, without an interruption.
 */

import { describe, expect } from "vitest";
import type { ClientOptions } from "../../src/core/index.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";
import type { FakeSocket } from "../support/socket.ts";

const MINUTE_MS = 60_000;

/** An attached client whose pings are answered while time passes. */
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
  ])("at random %d, after %d minutes", (chance, minutes) => {
    const { harness, live } = alive({ random: () => chance });
    live((minutes - 1) * MINUTE_MS);
    expect(harness.sockets).toHaveLength(1);
    live(MINUTE_MS + 5000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("at once for a new token, but not for the same or for a function", () => {
    const { harness } = alive();
    harness.client.setToken("secret");
    harness.client.setToken(() => "later");
    expect(harness.sockets).toHaveLength(1);
    harness.client.setToken("fresh");
    expect(second(harness).url).toContain("token=fresh");
  });

  test("not earlier or later because of another attach on the same connection", () => {
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

describe("succeeding", () => {
  test("attaches the second connection, switches to it, then closes the first", () => {
    const { harness, states, first } = alive();
    harness.output(0, "abc");
    harness.client.setToken("fresh");
    // Both directions continue over the first.
    first.receive({ type: "output", epoch: EPOCH, pos: 3, len: 1, data: "d", head: 4 });
    harness.client.input("x");
    expect(first.of("input")).toHaveLength(1);
    second(harness).onopen?.();
    expect(second(harness).sent).toMatchObject([{ type: "attach", resume: { epoch: EPOCH, pos: 4 } }]);
    first.receive({ type: "output", epoch: EPOCH, pos: 4, len: 1, data: "e", head: 5 });
    first.receive({ type: "input_ack", epoch: EPOCH, ackSeq: 1 });
    harness.client.input("y");
    expect(first.closed).toBe(false);
    // A frame on the second waits for its attach.
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

  test("accepts the answer to an early attach", () => {
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

  test("schedules the next handover", () => {
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
    ["is rejected", (socket) => socket.end(4001)],
    ["is lost", (socket) => socket.end(1006)],
    [
      "gets an error of the service",
      (socket) => {
        socket.onopen?.();
        socket.receive({ type: "error", code: "FORBIDDEN", message: "no", retryable: false });
      },
    ],
    [
      "gets a fault of the gateway",
      (socket) => {
        socket.onopen?.();
        socket.receive({ message: "Internal server error", connectionId: "K=", requestId: "r" });
      },
    ],
  ])("when the second %s, keeps the first and tries again", (_, fails) => {
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

  test("uses the second when the first is lost meanwhile", () => {
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

  test("reconnects when both are lost", () => {
    const { harness, first } = alive();
    harness.client.setToken("fresh");
    first.end(1001);
    second(harness).end();
    harness.reattach();
    expect(harness.client.state.status).toBe("connected");
  });

  test("starts over for a newer token", () => {
    const { harness } = alive();
    harness.client.setToken("t2");
    harness.client.setToken("t3");
    expect(second(harness).closed).toBe(true);
    expect(harness.socket.url).toContain("token=t3");
  });

  test("disconnect closes both", () => {
    const { harness, first } = alive();
    harness.client.setToken("fresh");
    harness.client.disconnect();
    expect([first.closed, second(harness).closed, harness.clock.pending]).toEqual([true, true, 0]);
  });
});
