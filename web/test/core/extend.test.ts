/**
 * Where the time goes, and more of it: latency by hop, the end of the longest life, and asking for a later one.
 */

import { describe, expect } from "vitest";
import { splitByHop } from "../../src/core/latency.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("latency", () => {
  test.each([
    ["through a gateway", 100, { gatewayMs: 30, serviceMs: 5 }, [65, 30, 5]],
    ["without one", 40, { serviceMs: 5 }, [35, null, 5]],
    ["of an older service", 40, {}, [null, null, null]],
    ["with clocks that differ by more than it took", 40, { gatewayMs: 5000, serviceMs: 5 }, [0, 35, 5]],
    ["with a service that took longer than it took", 40, { gatewayMs: 3, serviceMs: 90 }, [0, 0, 40]],
    ["below zero", 40, { gatewayMs: -7, serviceMs: -1 }, [40, 0, 0]],
  ])("%s has parts that make the whole", (_, totalMs, pong, [networkMs, gatewayMs, serviceMs]) => {
    expect(splitByHop(totalMs, pong)).toEqual({ totalMs, networkMs, gatewayMs, serviceMs });
  });

  test("is measured with every answer, and unknown while nobody is there", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.clock.advance(42);
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1, gatewayMs: 20, serviceMs: 2 });
    expect(harness.client.state.latency).toEqual({ totalMs: 42, networkMs: 20, gatewayMs: 20, serviceMs: 2 });
    harness.socket.end();
    expect(harness.client.state.latency).toBeNull();
  });

  test("parts that are no numbers make no frame", ({ harness }) => {
    const [ping] = harness.socket.of("ping");
    harness.socket.receive({ type: "pong", t: ping?.t, timestamp: 1, gatewayMs: "x" });
    expect(harness.client.state.latency).toBeNull();
  });
});

describe("the longest life", () => {
  test("is known from the attach on, and moves with what the service says", () => {
    const harness = new Harness();
    expect(harness.client.state).toMatchObject({ endsAt: null, canExtend: false });
    harness.attach({ endsAt: 5000, canExtend: true });
    expect(harness.client.state).toMatchObject({ endsAt: 5000, canExtend: true });
    harness.event(0, { kind: "ends", at: 9000, canExtend: false });
    expect(harness.client.state).toMatchObject({ endsAt: 9000, canExtend: false });
    harness.reconnect({ pos: 1 });
    expect(harness.client.state).toMatchObject({ endsAt: null, canExtend: false });
  });

  test("more of it is asked for in its turn, and again until it is acknowledged", ({ harness }) => {
    harness.client.input("a");
    harness.client.extend();
    const extend = { type: "extend", seq: 2, epoch: EPOCH };
    expect(harness.socket.of("extend")).toEqual([extend]);
    harness.reconnect({ inputSeq: 1 });
    expect(harness.socket.of("extend")).toEqual([extend]);
  });

  test("a viewer cannot ask, and nobody asks an end", () => {
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

  test("a shell that is another one lost nothing that was typed", ({ harness }) => {
    harness.client.extend();
    harness.reconnect({ epoch: EPOCH + 1 });
    expect(harness.errorCodes).not.toContain("INPUT_DISCARDED");
  });
});
