/**
 * A round trip in words: which hop took how long, and whom to blame when it is slow.
 */

import type { TerminalState } from "../core/index.ts";

type Latency = NonNullable<TerminalState["latency"]>;

/** From here on people feel that their keys come late, in ms. */
export const SLOW_MS = 250;

/** One hop, as a person calls it. */
export interface Hop {
  name: string;
  ms: number;
}

/** The hops of which the time is known, in the order of the way. */
export function hopsOf({ networkMs, gatewayMs, serviceMs }: Latency): Hop[] {
  const hops: Array<{ name: string; ms: number | null }> = [
    { name: "your network", ms: networkMs },
    { name: "the gateway", ms: gatewayMs },
    { name: "the lab machine", ms: serviceMs },
  ];
  return hops.filter((hop): hop is Hop => hop.ms !== null);
}

/** The sentence for a slow one, and nothing for one that nobody feels. */
export function slowSentence(latency: Latency | null): string | null {
  if (!latency || latency.totalMs < SLOW_MS) return null;
  const worst = hopsOf(latency).reduce<Hop | undefined>(
    (most, hop) => (most && most.ms >= hop.ms ? most : hop),
    undefined,
  );
  if (!worst) return "Keys take long to show";
  return `Slow: ${worst.name} takes ${Math.round(worst.ms)} of ${Math.round(latency.totalMs)} ms`;
}
