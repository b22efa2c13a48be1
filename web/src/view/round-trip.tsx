/**
 * The round-trip time; by hop when opened.
 */

"use client";

import { useId, useState } from "react";
import type { Latency } from "../core/index.ts";
import { hopsOf, slowSentence } from "./latency.ts";

export function RoundTrip({ latency }: { latency: Latency | null }) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  if (!latency) return <span className="tg-latency">– ms</span>;
  const hops = hopsOf(latency);
  const slow = slowSentence(latency) !== null;
  const total = `${Math.round(latency.totalMs)} ms`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keyboard events bubble from the button inside
    <span
      className="tg-trip"
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
    >
      <button
        type="button"
        className={slow ? "tg-latency tg-short" : "tg-latency"}
        aria-expanded={open}
        aria-controls={panel}
        title="There and back, browser to shell service"
        onClick={() => setOpen(!open)}
      >
        {total}
      </button>
      {open && (
        <span id={panel} className="tg-hops" role="note">
          <b>Round trip {total}</b>
          {hops.map(({ name, ms }) => (
            <span key={name} className="tg-hop">
              <span>{name}</span>
              <meter min={0} max={latency.totalMs || 1} value={ms} aria-label={name} />
              <span>{Math.round(ms)} ms</span>
            </span>
          ))}
          {hops.length === 0 && <span>The service does not report the hops</span>}
        </span>
      )}
    </span>
  );
}
