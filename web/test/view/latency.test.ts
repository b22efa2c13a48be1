/**
 * The sentence about a slow round trip.
 */

import { expect, test } from "vitest";
import { hopsOf, slowSentence } from "../../src/view/latency.ts";

const trip = (networkMs: number | null, gatewayMs: number | null, serviceMs: number | null, totalMs = 400) => ({
  totalMs,
  networkMs,
  gatewayMs,
  serviceMs,
});

test.each([
  ["the network", trip(300, 60, 40), "Slow: the connection takes 300 of 400 ms"],
  ["the gateway", trip(50, 310, 40), "Slow: the gateway takes 310 of 400 ms"],
  ["the machine", trip(50, 60, 290), "Slow: the lab machine takes 290 of 400 ms"],
  ["a service without a gateway", trip(100, null, 300), "Slow: the lab machine takes 300 of 400 ms"],
  ["a service that reports no hops", trip(null, null, null), "Slow connection"],
])("%s", (_, latency, sentence) => expect(slowSentence(latency)).toBe(sentence));

test("a fast round trip has none", () => {
  expect(slowSentence(trip(200, 9, 40, 249))).toBeNull();
  expect(slowSentence(null)).toBeNull();
});

test("known hops are listed in order", () => {
  expect(hopsOf(trip(1, null, 3)).map(({ name }) => name)).toEqual(["the connection", "the lab machine"]);
});
