/**
 * Latency by hop, and extending the session.
 */

import { describe, expect } from "vitest";
import { splitByHop } from "../../src/core/latency.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("latency", () => {
  test.each([
    ["through a gateway", 100, { gatewayMs: 30, serviceMs: 5 }, [65, 30, 5]],
    ["without a gateway", 40, { serviceMs: 5 }, [35, null, 5]],
    ["of an older service", 40, {}, [null, null, null]],
    ["with a clock difference above the total", 40, { gatewayMs: 5000, serviceMs: 5 }, [0, 35, 5]],
    ["with a service time above the total", 40, { gatewayMs: 3, serviceMs: 90 }, [0, 0, 40]],
    ["with negative parts", 40, { gatewayMs: -7, serviceMs: -1 }, [40, 0, 0]],
  ])("%s is split into parts within the total", (_, totalMs, pong, [networkMs, gatewayMs, serviceMs]) => {
    expect(splitByHop(totalMs, pong)).toEqual({ totalMs, networkMs, gatewayMs, serviceMs });
  });

  test("is measured by every pong, and unknown while disconnected", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.clock.advance(42);
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1, gatewayMs: 20, serviceMs: 2 });
    expect(harness.client.state.latency).toEqual({ totalMs: 42, networkMs: 20, gatewayMs: 20, serviceMs: 2 });
    harness.socket.end();
    expect(harness.client.state.latency).toBeNull();
  });

  test("a pong with an invalid part is ignored", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1, gatewayMs: "x" });
    expect(harness.client.state.latency).toBeNull();
  });
});

describe("the session's lifetime", () => {
  test("is known from the attach, and follows the service", () => {
    const harness = new Harness();
    expect(harness.client.state).toMatchObject({ endsAt: null, canExtend: false });
    harness.attach({ endsAt: 5000, canExtend: true });
    expect(harness.client.state).toMatchObject({ endsAt: 5000, canExtend: true });
    harness.event(0, { kind: "ends", at: 9000, canExtend: false });
    expect(harness.client.state).toMatchObject({ endsAt: 9000, canExtend: false });
    harness.reconnect({ pos: 1 });
    expect(harness.client.state).toMatchObject({ endsAt: null, canExtend: false });
  });

  test("is extended in order, and again until acknowledged", ({ harness }) => {
    harness.client.input("a");
    harness.client.extend();
    const extend = { type: "extend", seq: 2, epoch: EPOCH };
    expect(harness.socket.of("extend")).toEqual([extend]);
    harness.reconnect({ inputSeq: 1 });
    expect(harness.socket.of("extend")).toEqual([extend]);
  });

  test("cannot be extended by a viewer, or after the end", () => {
    const viewer = new Harness().attach({ role: "viewer" });
    viewer.client.extend();
    viewer.client.close();
    expect(viewer.socket.sent.filter(({ type }) => type === "extend" || type === "close")).toEqual([]);
    const over = new Harness().attach();
    over.event(0, { kind: "exit", exitCode: 0, reason: "exited" });
    const sent = over.socket.texts.length;
    over.client.extend();
    expect(over.socket.texts).toHaveLength(sent);
  });

  test("an extend that is discarded by a restart is not reported", ({ harness }) => {
    harness.client.extend();
    harness.reconnect({ epoch: EPOCH + 1 });
    expect(harness.errorCodes).not.toContain("INPUT_DISCARDED");
  });
});
