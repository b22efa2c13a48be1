/**
 * No network, the time of the next attempt, and diagnostics.
 */

import { describe, expect } from "vitest";
import { Harness, test } from "../support/harness.ts";

describe("without a network", () => {
  test("a connection that still answers is kept", ({ harness }) => {
    harness.pong();
    harness.page.goOffline();
    harness.pong();
    harness.clock.advance(5000);
    expect(harness.client.state.status).toBe("connected");
    expect(harness.sockets).toHaveLength(1);
  });

  test("one that does not is lost within 5 s, with the reason", ({ harness }) => {
    harness.pong();
    harness.page.goOffline();
    harness.clock.advance(5000);
    expect(harness.client.state).toMatchObject({ status: "offline", attempt: 0, error: { code: "OFFLINE" } });
    expect(harness.errorCodes).toEqual(["OFFLINE"]);
    harness.clock.advance(200);
    expect(harness.sockets).toHaveLength(1);
    harness.page.goOnline();
    expect(harness.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
    harness.reattach();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("a pending attempt becomes a slow retry", () => {
    const harness = new Harness({ random: () => 1 }).attach();
    harness.clock.advance(6000);
    harness.socket.end();
    expect(harness.client.state.status).toBe("reconnecting");
    harness.page.goOffline();
    expect(harness.client.state).toMatchObject({ status: "offline", error: { code: "OFFLINE" } });
    // Browsers may be wrong, so slow retries follow.
    harness.clock.advance(14_999);
    expect(harness.sockets).toHaveLength(1);
    harness.clock.advance(15_001);
    expect(harness.sockets).toHaveLength(2);
  });

  test("a page that starts offline tries once: the service may be local", () => {
    const harness = new Harness();
    harness.page.offline = true;
    harness.open();
    harness.attached();
    expect(harness.client.state.status).toBe("connected");
    const refused = new Harness();
    refused.page.offline = true;
    refused.start();
    refused.socket.end();
    expect(refused.client.state).toMatchObject({ status: "offline", error: { code: "OFFLINE" } });
    refused.page.goOnline();
    expect(refused.client.state).toMatchObject({ status: "connecting", attempt: 1 });
  });

  test("commands are rejected at once, and a rejected token is final", async ({ harness }) => {
    harness.pong();
    harness.page.goOffline();
    const command = harness.client.executeCommand("ls");
    harness.clock.advance(5000);
    await expect(command).rejects.toMatchObject({ code: "OFFLINE" });
    harness.page.goOnline();
    harness.reopen();
    harness.socket.end(4001);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "UNAUTHORIZED" } });
  });

  test("disconnect cleans up", ({ harness }) => {
    harness.page.goOffline();
    harness.clock.advance(5000);
    harness.client.disconnect();
    expect(harness.client.state).toMatchObject({ status: "closed", error: null, retryAt: null });
    expect(harness.clock.pending).toBe(0);
    expect(harness.page.watched).toBe(false);
  });
});

describe("the next attempt", () => {
  test("is announced in wall-clock time until it starts", () => {
    const harness = new Harness({ random: () => 1 });
    harness.client.connect();
    expect(harness.client.state.retryAt).toBeNull();
    harness.clock.advance(0);
    harness.socket.end();
    for (const wait of [2000, 4000, 8000, 16_000]) {
      const { retryAt } = harness.client.state;
      expect(retryAt).toBe(harness.clock.wall() + wait);
      harness.clock.advance(wait);
      expect(harness.client.state.retryAt).toBeNull();
      harness.socket.end();
    }
    expect(harness.client.state).toMatchObject({ status: "offline", retryAt: harness.clock.wall() + 30_000 });
    harness.clock.advance(10_000);
    const soon = harness.clock.wall() + 250;
    harness.client.connect();
    expect(harness.client.state).toMatchObject({ status: "connecting", attempt: 1, retryAt: soon });
    harness.clock.advance(250);
    harness.answer();
    expect(harness.client.state).toMatchObject({ status: "connected", retryAt: null });
  });

  test("is not announced on a hidden page", () => {
    const harness = new Harness();
    harness.client.connect();
    harness.page.hide();
    for (let second = 0; second < 60; second += 1) {
      harness.clock.advance(1000);
      if (harness.sockets.length > 0 && !harness.socket.closed) harness.socket.end();
    }
    expect(harness.client.state).toMatchObject({ status: "offline", retryAt: null });
  });
});

describe("diagnostics", () => {
  test("count attempts, measure and keep the last error, without the token", () => {
    const harness = new Harness({ url: "wss://api.example/prod?stage=a" });
    expect(harness.client.state.diagnostics).toEqual({
      ...{ url: "", attempts: 0, lastError: null, errorCode: null, connectionTime: null },
    });
    harness.start();
    harness.socket.end();
    harness.clock.advance(1000);
    harness.clock.advance(70);
    harness.socket.onopen?.();
    harness.clock.advance(50);
    harness.attached();
    const { diagnostics } = harness.client.state;
    expect(diagnostics).toMatchObject({
      ...{ url: "wss://api.example/prod", attempts: 2, errorCode: "CONNECTION_FAILED", connectionTime: 120 },
    });
    expect(diagnostics.lastError).toMatch(/could not be opened/);
    expect(JSON.stringify(harness.client.state)).not.toContain("secret");
    // Another attach on the same connection does not count.
    harness.error("NOT_ATTACHED");
    harness.attached();
    expect(harness.client.state.diagnostics).toEqual(diagnostics);
  });
});
