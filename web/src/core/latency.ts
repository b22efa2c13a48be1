/**
 * Where the time of a round trip goes. Clocks of different machines differ by some ms, so the parts are kept within the whole.
 */

import type { Pong } from "../protocol/generated.ts";

/** One round trip by hop, in ms. */
export interface Latency {
  /** From the page to the service and back. */
  totalMs: number;
  /** Between the page and the gateway, and the whole way back; null where the service does not say its part. */
  networkMs: number | null;
  /** From the gateway's receipt to the service's; null where there is no gateway. */
  gatewayMs: number | null;
  /** In the service. */
  serviceMs: number | null;
}

/** The parts of a round trip that took `totalMs`. */
export function byHop(totalMs: number, { gatewayMs, serviceMs }: Pick<Pong, "gatewayMs" | "serviceMs">): Latency {
  const service = within(totalMs, serviceMs);
  const gateway = within(totalMs - (service ?? 0), gatewayMs);
  const networkMs = service === null ? null : totalMs - service - (gateway ?? 0);
  return { totalMs, networkMs, gatewayMs: gateway, serviceMs: service };
}

function within(most: number, ms: number | undefined): number | null {
  return ms === undefined ? null : Math.min(Math.max(0, ms), most);
}
