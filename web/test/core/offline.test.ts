/**
 * No network, the countdown to the next attempt, and what is remembered for whoever looks for a fault.
 */

import { describe, expect, test } from "vitest";
import { Bench } from "../support/bench.ts";

describe("without a network", () => {
  test("a connection that still answers stays", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.page.unplug();
    bench.pong();
    bench.clock.advance(5000);
    expect(bench.client.state.status).toBe("connected");
    expect(bench.sockets).toHaveLength(1);
  });

  test("one that does not is lost within 5 s, and the page is told why", () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.page.unplug();
    bench.clock.advance(5000);
    expect(bench.client.state).toMatchObject({ status: "offline", attempt: 0, error: { code: "OFFLINE" } });
    expect(bench.errors.map((error) => error.code)).toEqual(["OFFLINE"]);
    bench.clock.advance(200);
    expect(bench.sockets).toHaveLength(1);
    bench.page.online();
    expect(bench.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
    bench.reopen();
    bench.attached();
    expect(bench.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("who waits for an attempt does not count on it any more", () => {
    const bench = new Bench({ random: () => 1 }).attach();
    bench.clock.advance(6000);
    bench.socket.end();
    expect(bench.client.state.status).toBe("reconnecting");
    bench.page.unplug();
    expect(bench.client.state).toMatchObject({ status: "offline", error: { code: "OFFLINE" } });
    // Browsers are wrong at times, so it tries all the same, but seldom.
    bench.clock.advance(14_999);
    expect(bench.sockets).toHaveLength(1);
    bench.clock.advance(15_001);
    expect(bench.sockets).toHaveLength(2);
  });

  test("a page that begins so tries once: the service may be on this machine", () => {
    const bench = new Bench();
    bench.page.offline = true;
    bench.open();
    bench.attached();
    expect(bench.client.state.status).toBe("connected");
    const refused = new Bench();
    refused.page.offline = true;
    refused.client.connect();
    refused.clock.advance(0);
    refused.socket.end();
    expect(refused.client.state).toMatchObject({ status: "offline", error: { code: "OFFLINE" } });
    refused.page.online();
    expect(refused.client.state).toMatchObject({ status: "connecting", attempt: 1 });
  });

  test("commands are told at once, and a refusal is still one", async () => {
    const bench = new Bench().attach();
    bench.pong();
    bench.page.unplug();
    const command = bench.client.executeCommand("ls");
    bench.clock.advance(5000);
    await expect(command).rejects.toMatchObject({ code: "OFFLINE" });
    bench.page.online();
    bench.reopen();
    bench.socket.end(4001);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "UNAUTHORIZED" } });
  });

  test("nothing is left behind when it is left meanwhile", () => {
    const bench = new Bench().attach();
    bench.page.unplug();
    bench.clock.advance(5000);
    bench.client.disconnect();
    expect(bench.client.state).toMatchObject({ status: "closed", error: null, retryAt: null });
    expect(bench.clock.pending).toBe(0);
    expect(bench.page.watched).toBe(false);
  });
});

describe("the next attempt", () => {
  test("is announced by the clock on the wall, and no more while it is under way", () => {
    const bench = new Bench({ random: () => 1 });
    bench.client.connect();
    expect(bench.client.state.retryAt).toBeNull();
    bench.clock.advance(0);
    bench.socket.end();
    for (const wait of [2000, 4000, 8000, 16_000]) {
      const { retryAt } = bench.client.state;
      expect(retryAt).toBe(bench.clock.wall() + wait);
      bench.clock.advance(wait);
      expect(bench.client.state.retryAt).toBeNull();
      bench.socket.end();
    }
    expect(bench.client.state).toMatchObject({ status: "offline", retryAt: bench.clock.wall() + 30_000 });
    bench.clock.advance(10_000);
    const soon = bench.clock.wall() + 250;
    bench.client.connect();
    expect(bench.client.state).toMatchObject({ status: "connecting", attempt: 1, retryAt: soon });
    bench.clock.advance(250);
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.client.state).toMatchObject({ status: "connected", retryAt: null });
  });

  test("is not announced where none will come", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.page.hide();
    for (let second = 0; second < 60; second += 1) {
      bench.clock.advance(1000);
      if (bench.sockets.length > 0 && !bench.socket.closed) bench.socket.end();
    }
    expect(bench.client.state).toMatchObject({ status: "offline", retryAt: null });
  });
});

describe("diagnostics", () => {
  test("count, measure and remember, and never name the token", () => {
    const bench = new Bench({ url: "wss://api.example/prod?stage=a" });
    expect(bench.client.state.diagnostics).toEqual({
      ...{ url: "", attempts: 0, lastError: null, errorCode: null, connectionTime: null },
    });
    bench.client.connect();
    bench.clock.advance(0);
    bench.socket.end();
    bench.clock.advance(1000);
    bench.clock.advance(70);
    bench.socket.onopen?.();
    bench.clock.advance(50);
    bench.attached();
    const { diagnostics } = bench.client.state;
    expect(diagnostics).toMatchObject({
      ...{ url: "wss://api.example/prod", attempts: 2, errorCode: "CONNECTION_FAILED", connectionTime: 120 },
    });
    expect(diagnostics.lastError).toMatch(/could not be opened/);
    expect(JSON.stringify(bench.client.state)).not.toContain("secret");
    // Attached again on the same connection is no other connection.
    bench.socket.receive({ type: "error", code: "NOT_ATTACHED", message: "", retryable: false });
    bench.attached();
    expect(bench.client.state.diagnostics).toEqual(diagnostics);
  });
});
