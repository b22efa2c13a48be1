/**
 * Splits a round trip into its hops.
 */

import type { Pong } from "../protocol/generated.ts";

/** A round trip by hop, in ms. */
export interface Latency {
  /** From the page to the service and back. */
  totalMs: number;
  /** Page to gateway, and the whole way back; null if the service does not report its part. */
  networkMs: number | null;
  /** From the gateway's receipt to the service's; null without a gateway. */
  gatewayMs: number | null;
  serviceMs: number | null;
}

/** Splits `totalMs`. Clocks of different machines differ by some ms, so each part is clamped to the total. */
export function splitByHop(totalMs: number, { gatewayMs, serviceMs }: Pick<Pong, "gatewayMs" | "serviceMs">): Latency {
  const service = clamp(serviceMs, totalMs);
  const gateway = clamp(gatewayMs, totalMs - (service ?? 0));
  const networkMs = service === null ? null : totalMs - service - (gateway ?? 0);
  return { totalMs, networkMs, gatewayMs: gateway, serviceMs: service };
}

function clamp(ms: number | undefined, max: number): number | null {
  return ms === undefined ? null : Math.min(Math.max(0, ms), max);
}
