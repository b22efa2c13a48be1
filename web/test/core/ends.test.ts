/**
 * Ends that are announced and taken back, tokens that expire, and connections that somebody closed.
 */

import { describe, expect, test } from "vitest";
import { Bench } from "../support/bench.ts";
import { settled } from "../support/settled.ts";

const MINUTE = 60_000;

describe("an announced end", () => {
  const closing = (bench: Bench, pos: number, reason: string, inMs: number) => {
    const at = bench.clock.wall() + inMs;
    bench.event(pos, { kind: "closing", code: "SESSION_ENDED", reason, at });
    return { reason, at };
  };

  test("is shown until it is taken back", () => {
    const bench = new Bench().attach();
    const idle = closing(bench, 0, "idle", MINUTE);
    expect(bench.client.state.closing).toEqual(idle);
    bench.event(1, { kind: "stays", reason: "max_life" });
    expect(bench.client.state.closing).toEqual(idle);
    bench.event(2, { kind: "stays", reason: "idle" });
    expect(bench.client.state.closing).toBeNull();
  });

  test("of several, the first is shown", () => {
    const bench = new Bench().attach();
    const life = closing(bench, 0, "max_life", 5 * MINUTE);
    const idle = closing(bench, 1, "idle", MINUTE);
    expect(bench.client.state.closing).toEqual(idle);
    bench.event(2, { kind: "stays", reason: "idle" });
    expect(bench.client.state.closing).toEqual(life);
  });

  test("that did not come is no end any more", () => {
    const bench = new Bench().attach();
    closing(bench, 0, "idle", MINUTE);
    const life = closing(bench, 1, "max_life", 5 * MINUTE);
    // Frames keep coming, or it would be another kind of end.
    for (let waited = 0; waited < MINUTE + 15_000; waited += 5000) {
      bench.clock.advance(5000);
      bench.pong();
    }
    expect(bench.client.state.closing).toEqual(life);
  });

  test("is gone with the shell", () => {
    const bench = new Bench().attach();
    closing(bench, 0, "max_life", MINUTE);
    bench.event(1, { kind: "exit", exitCode: 129, reason: "max_life" });
    expect(bench.client.state).toMatchObject({ status: "closed", closing: null, end: { reason: "max_life" } });
    expect(bench.clock.pending).toBe(0);
  });

  test("is remembered while nobody is connected", () => {
    const bench = new Bench().attach();
    const life = closing(bench, 0, "max_life", 5 * MINUTE);
    bench.client.disconnect();
    expect(bench.clock.pending).toBe(0);
    bench.open();
    bench.attached({ pos: 1 });
    expect(bench.client.state.closing).toEqual(life);
  });
});

describe("a token that expires", () => {
  const refusal = { type: "error", code: "TOKEN_EXPIRED", message: "your token has expired", retryable: false };
  const tokens = (bench: Bench) => bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"));
  const fetching = () => {
    let asked = 0;
    return new Bench({ token: async () => `t${++asked}` });
  };
  const attach = async (bench: Bench) => {
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.socket.onopen?.();
    bench.attached();
  };

  test("is replaced by a fresh one, over another connection", async () => {
    const bench = fetching();
    await attach(bench);
    bench.client.input("a");
    bench.socket.receive(refusal);
    expect(bench.client.state.status).toBe("reconnecting");
    bench.clock.advance(5000);
    await settled();
    expect(tokens(bench)).toEqual(["t1", "t2"]);
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.client.state).toMatchObject({ status: "connected", error: null });
    expect(bench.socket.of("input")).toHaveLength(1);
  });

  test("is replaced before it does, where it is announced and another can be fetched", async () => {
    const bench = fetching();
    await attach(bench);
    const first = bench.socket;
    const at = bench.clock.wall() + 5 * MINUTE;
    bench.event(0, { kind: "closing", code: "TOKEN_EXPIRED", reason: "token_expired", at });
    await settled();
    expect(tokens(bench)).toEqual(["t1", "t2"]);
    bench.socket.onopen?.();
    bench.attached({ pos: 1 });
    expect(first.closed).toBe(true);
    bench.event(1, { kind: "stays", reason: "token_expired" });
    expect(bench.client.state).toMatchObject({ status: "connected", closing: null });
  });

  test("that is only a text is for the page to replace", () => {
    const bench = new Bench().attach();
    const at = bench.clock.wall() + 5 * MINUTE;
    bench.event(0, { kind: "closing", code: "TOKEN_EXPIRED", reason: "token_expired", at });
    expect(bench.sockets).toHaveLength(1);
    bench.socket.receive(refusal);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
    bench.client.setToken("fresh");
    bench.reopen();
    bench.attached({ pos: 1 });
    expect(tokens(bench)).toEqual(["secret", "fresh"]);
    expect(bench.client.state.status).toBe("connected");
  });

  test("while its successor is on the way is no matter", () => {
    const bench = new Bench().attach();
    bench.client.setToken("fresh");
    const [first] = bench.sockets;
    first?.receive(refusal);
    expect(bench.client.state.status).toBe("reconnecting");
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.client.state.status).toBe("connected");
    expect(bench.sockets).toHaveLength(2);
  });

  test("right after it was fetched helps nobody", async () => {
    const bench = fetching();
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.socket.onopen?.();
    bench.socket.receive(refusal);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
  });
});

test("a page that was closed for good says so, and does not come back by itself", () => {
  const bench = new Bench().attach();
  const message = "this connection was closed by an operator";
  bench.socket.receive({ type: "error", code: "REVOKED", message, retryable: false });
  expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "REVOKED", message } });
  bench.client.setToken("fresh");
  bench.clock.advance(60 * MINUTE);
  expect(bench.sockets).toHaveLength(1);
  expect(bench.clock.pending).toBe(0);
  bench.client.connect();
  bench.reopen();
  bench.socket.receive({ type: "error", code: "REVOKED", message, retryable: false });
  expect(bench.client.state.status).toBe("closed");
});

test("a session that an operator ended stays closed", () => {
  const bench = new Bench().attach();
  bench.event(0, { kind: "exit", exitCode: 129, signal: "SIGHUP", reason: "revoked" });
  expect(bench.client.state).toMatchObject({ status: "closed", end: { reason: "revoked" } });
  bench.client.setToken("fresh");
  bench.client.connect();
  bench.clock.advance(60 * MINUTE);
  expect(bench.sockets).toHaveLength(1);
});
