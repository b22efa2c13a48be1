/**
 * The round-trip time; by hop when opened.
 */

"use client";

import type { Latency, Route } from "../core/index.ts";
import { Disclosure } from "./disclosure.tsx";
import { hopsOf, slowSentence } from "./latency.ts";

export function RoundTrip({ latency, route }: { latency: Latency | null; route: Route }) {
  if (!latency) return <span className="tg-latency">– ms</span>;
  const hops = hopsOf(latency);
  const slow = slowSentence(latency) !== null;
  const total = `${Math.round(latency.totalMs)} ms`;
  return (
    <Disclosure
      label={total}
      className={slow ? "tg-latency tg-short" : "tg-latency"}
      title="There and back: the time from a key to its answer"
    >
      <b>Round trip {total}</b>
      {hops.map(({ name, ms }) => (
        <span key={name} className="tg-hop">
          <span>{name}</span>
          <meter min={0} max={latency.totalMs || 1} value={ms} aria-label={name} />
          <span>{Math.round(ms)} ms</span>
        </span>
      ))}
      {hops.length === 0 && <span>The service does not report the hops</span>}
      {route === "http" && <span>Over HTTPS: this network blocks WebSockets</span>}
    </Disclosure>
  );
}
