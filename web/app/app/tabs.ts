/**
 * Which terminals the page has open, and which of them is shown. The address names the one shown, so that a reload finds it and
 * a copied address opens it; the others are remembered for as long as the browser's tab lives.
 */

import type { Access } from "./access.ts";

/** The open ones, in order; there is always one. */
export interface Tabs {
  open: readonly Access[];
  shown: string;
}

const STORED = "termgate.tabs";

/** Adds one, and shows it. */
export function opened({ open }: Tabs, access: Access): Tabs {
  const there = open.some(({ sessionId }) => sessionId === access.sessionId);
  return { open: there ? open : [...open, access], shown: access.sessionId };
}

/** Takes one away; its neighbour is shown instead of it. */
export function closed({ open, shown }: Tabs, sessionId: string): Tabs {
  const at = open.findIndex((access) => access.sessionId === sessionId);
  const rest = open.filter((access) => access.sessionId !== sessionId);
  const neighbour = rest[Math.min(at, rest.length - 1)];
  return { open: rest, shown: shown === sessionId ? (neighbour?.sessionId ?? "") : shown };
}

/** Puts another session into the place of one. */
export function replaced({ open, shown }: Tabs, sessionId: string, access: Access): Tabs {
  return {
    open: open.map((old) => (old.sessionId === sessionId ? access : old)),
    shown: shown === sessionId ? access.sessionId : shown,
  };
}

/** The sessions that this tab of the browser had open, `wanted` among them. */
export function remembered(wanted: string | null): string[] {
  const stored: unknown = JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
  const ids = Array.isArray(stored) ? stored.filter((id): id is string => typeof id === "string") : [];
  // A link to another session is a wish for that one.
  if (wanted === null || ids.includes(wanted)) return wanted === null ? [] : ids;
  return [wanted];
}

export function remember({ open, shown }: Tabs): void {
  sessionStorage.setItem(STORED, JSON.stringify(open.map(({ sessionId }) => sessionId)));
  const here = new URL(window.location.href);
  if (here.searchParams.get("session") === shown) return;
  here.searchParams.set("session", shown);
  window.history.replaceState(null, "", here);
}
