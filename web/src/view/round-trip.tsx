/**
 * How long a key takes there and back; by hop when somebody wants to know.
 */

"use client";

import { useId, useState } from "react";
import type { TerminalState } from "../core/index.ts";
import { hopsOf, slowSentence } from "./latency.ts";

export function RoundTrip({ latency }: { latency: TerminalState["latency"] }) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  if (!latency) return <span className="tg-latency">– ms</span>;
  const hops = hopsOf(latency);
  const slow = slowSentence(latency) !== null;
  const total = `${Math.round(latency.totalMs)} ms`;
  return (
    // Whoever leaves it with the keyboard closes it.
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the button inside
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
          {hops.length === 0 && <span>The service does not say where the time goes</span>}
        </span>
      )}
    </span>
  );
}
