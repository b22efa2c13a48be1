/**
 * Describes a round trip: the time of each hop, and the slowest one.
 */

import type { Latency } from "../core/index.ts";

/** Round trips from here on feel slow, in ms. */
export const SLOW_MS = 250;

export interface Hop {
  name: string;
  ms: number;
}

/** The hops whose time is known, from the page to the service. */
export function hopsOf({ networkMs, gatewayMs, serviceMs }: Latency): Hop[] {
  const hops: Array<{ name: string; ms: number | null }> = [
    // With the whole way back, of which the gateway's posts are a part.
    { name: "the connection", ms: networkMs },
    { name: "the gateway", ms: gatewayMs },
    { name: "the lab machine", ms: serviceMs },
  ];
  return hops.filter((hop): hop is Hop => hop.ms !== null);
}

/** A sentence about a slow round trip; null for a fast one. */
export function slowSentence(latency: Latency | null): string | null {
  if (!latency || latency.totalMs < SLOW_MS) return null;
  const worst = hopsOf(latency).reduce<Hop | undefined>(
    (most, hop) => (most && most.ms >= hop.ms ? most : hop),
    undefined,
  );
  if (!worst) return "Slow connection";
  return `Slow: ${worst.name} takes ${Math.round(worst.ms)} of ${Math.round(latency.totalMs)} ms`;
}
