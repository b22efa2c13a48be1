/**
 * Times from the page's address, for development and tests, which cannot wait for two hours:
 * `?pingMs=500&pongMs=250&hiddenMs=1000&handoverMs=5000-6000`.
 */

import { TIMES, type Times } from "../../src/index.ts";

export function findTimes(): Partial<Times> {
  const query = new URLSearchParams(typeof window === "undefined" ? "" : window.location.search);
  const number = (name: "pingMs" | "pongMs" | "carryingPongMs" | "probeMs" | "hiddenMs") =>
    positive(query.get(name)) ?? TIMES[name];
  const [from, to] = (query.get("handoverMs") ?? "").split("-").map(positive);
  return {
    pingMs: number("pingMs"),
    pongMs: number("pongMs"),
    carryingPongMs: number("carryingPongMs"),
    probeMs: number("probeMs"),
    hiddenMs: number("hiddenMs"),
    handoverMs: from === undefined ? TIMES.handoverMs : [from, Math.max(from, to ?? from)],
  };
}

function positive(text: string | null | undefined): number | undefined {
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}
