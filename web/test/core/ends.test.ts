/**
 * Announced and cancelled ends, expiring tokens, and revoked connections.
 */

import { describe, expect } from "vitest";
import { flushPromises } from "../support/flush-promises.ts";
import { Harness, test } from "../support/harness.ts";

const MINUTE = 60_000;

describe("an announced end", () => {
  const closing = (harness: Harness, pos: number, reason: string, inMs: number) => {
    const at = harness.clock.wall() + inMs;
    harness.event(pos, { kind: "closing", code: "SESSION_ENDED", reason, at });
    return { reason, at };
  };

  test("is shown until it is cancelled", ({ harness }) => {
    const idle = closing(harness, 0, "idle", MINUTE);
    expect(harness.client.state.closing).toEqual(idle);
    harness.event(1, { kind: "stays", reason: "max_life" });
    expect(harness.client.state.closing).toEqual(idle);
    harness.event(2, { kind: "stays", reason: "idle" });
    expect(harness.client.state.closing).toBeNull();
  });

  test("is the first of several", ({ harness }) => {
    const life = closing(harness, 0, "max_life", 5 * MINUTE);
    const idle = closing(harness, 1, "idle", MINUTE);
    expect(harness.client.state.closing).toEqual(idle);
    harness.event(2, { kind: "stays", reason: "idle" });
    expect(harness.client.state.closing).toEqual(life);
  });

  test("expires if it does not happen", ({ harness }) => {
    closing(harness, 0, "idle", MINUTE);
    const life = closing(harness, 1, "max_life", 5 * MINUTE);
    // Frames keep the connection alive.
    for (let waited = 0; waited < MINUTE + 15_000; waited += 5000) {
      harness.clock.advance(5000);
      harness.pong();
    }
    expect(harness.client.state.closing).toEqual(life);
  });

  test("is cleared when the shell exits", ({ harness }) => {
    closing(harness, 0, "max_life", MINUTE);
    harness.event(1, { kind: "exit", exitCode: 129, reason: "max_life" });
    expect(harness.client.state).toMatchObject({ status: "closed", closing: null, end: { reason: "max_life" } });
    expect(harness.clock.pending).toBe(0);
  });

  test("is kept while disconnected", ({ harness }) => {
    const life = closing(harness, 0, "max_life", 5 * MINUTE);
    harness.client.disconnect();
    expect(harness.clock.pending).toBe(0);
    harness.open();
    harness.attached({ pos: 1 });
    expect(harness.client.state.closing).toEqual(life);
  });
});

describe("an expiring token", () => {
  const refusal = { type: "error", code: "TOKEN_EXPIRED", message: "your token has expired", retryable: false };
  const fetching = () => {
    let asked = 0;
    return new Harness({ token: async () => `t${++asked}` });
  };
  const attach = async (harness: Harness) => {
    harness.start();
    await flushPromises();
    harness.answer();
  };

  test("is replaced over another connection", async () => {
    const harness = fetching();
    await attach(harness);
    harness.client.input("a");
    harness.socket.receive(refusal);
    expect(harness.client.state.status).toBe("reconnecting");
    harness.clock.advance(5000);
    await flushPromises();
    expect(harness.tokens).toEqual(["t1", "t2"]);
    harness.answer();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
    expect(harness.socket.of("input")).toHaveLength(1);
  });

  test("is replaced when its expiry is announced, if one can be fetched", async () => {
    const harness = fetching();
    await attach(harness);
    const first = harness.socket;
    const at = harness.clock.wall() + 5 * MINUTE;
    harness.event(0, { kind: "closing", code: "TOKEN_EXPIRED", reason: "token_expired", at });
    await flushPromises();
    expect(harness.tokens).toEqual(["t1", "t2"]);
    harness.answer({ pos: 1 });
    expect(first.closed).toBe(true);
    harness.event(1, { kind: "stays", reason: "token_expired" });
    expect(harness.client.state).toMatchObject({ status: "connected", closing: null });
  });

  test("is replaced by the page if it is fixed", ({ harness }) => {
    const at = harness.clock.wall() + 5 * MINUTE;
    harness.event(0, { kind: "closing", code: "TOKEN_EXPIRED", reason: "token_expired", at });
    expect(harness.sockets).toHaveLength(1);
    harness.socket.receive(refusal);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
    harness.client.setToken("fresh");
    harness.reattach({ pos: 1 });
    expect(harness.tokens).toEqual(["secret", "fresh"]);
    expect(harness.client.state.status).toBe("connected");
  });

  test("does not interrupt a handover that has begun", ({ harness }) => {
    harness.client.setToken("fresh");
    const [first] = harness.sockets;
    first?.receive(refusal);
    expect(harness.client.state.status).toBe("reconnecting");
    harness.answer();
    expect(harness.client.state.status).toBe("connected");
    expect(harness.sockets).toHaveLength(2);
  });

  test("is final if it was just fetched", async () => {
    const harness = fetching();
    harness.start();
    await flushPromises();
    harness.socket.onopen?.();
    harness.socket.receive(refusal);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
  });
});

test("a revoked page reports it and does not reconnect by itself", ({ harness }) => {
  const message = "this connection was closed by an operator";
  harness.socket.receive({ type: "error", code: "REVOKED", message, retryable: false });
  expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "REVOKED", message } });
  harness.client.setToken("fresh");
  harness.clock.advance(60 * MINUTE);
  expect(harness.sockets).toHaveLength(1);
  expect(harness.clock.pending).toBe(0);
  harness.client.connect();
  harness.reopen();
  harness.socket.receive({ type: "error", code: "REVOKED", message, retryable: false });
  expect(harness.client.state.status).toBe("closed");
});

test("a revoked session stays closed", ({ harness }) => {
  harness.event(0, { kind: "exit", exitCode: 129, signal: "SIGHUP", reason: "revoked" });
  expect(harness.client.state).toMatchObject({ status: "closed", end: { reason: "revoked" } });
  harness.client.setToken("fresh");
  harness.client.connect();
  harness.clock.advance(60 * MINUTE);
  expect(harness.sockets).toHaveLength(1);
});

describe("a page that closes its session and leaves", () => {
  test("stays connected until the end, which else might be overtaken", ({ harness }) => {
    harness.client.close();
    harness.client.disconnect();
    expect(harness.socket.of("close")).toHaveLength(1);
    expect(harness.socket.closed).toBe(false);
    harness.event(0, { kind: "exit", exitCode: 129, reason: "closed" });
    expect(harness.socket.closed).toBe(true);
    expect(harness.clock.pending).toBe(0);
  });

  test("says so on the next connection if this one is lost", ({ harness }) => {
    harness.socket.end();
    harness.client.close();
    harness.client.disconnect();
    harness.reattach();
    expect(harness.socket.of("close")).toHaveLength(1);
  });

  test("leaves after ten seconds without an answer", ({ harness }) => {
    harness.client.close();
    harness.client.disconnect();
    harness.clock.advance(9_999);
    expect(harness.socket.closed).toBe(false);
    harness.clock.advance(1);
    expect(harness.client.state.status).toBe("closed");
    expect(harness.clock.pending).toBe(0);
  });

  test("stays if it comes back meanwhile", ({ harness }) => {
    harness.client.close();
    harness.client.disconnect();
    harness.client.connect();
    harness.clock.advance(10_000);
    expect(harness.client.state.status).not.toBe("closed");
  });
});
