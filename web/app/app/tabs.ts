/**
 * The open terminals. The page's address names the shown one, for reloads and copied links; session storage keeps the
 * others.
 */

import type { Access } from "./access.ts";

/** Never empty. */
export interface Tabs {
  open: readonly Access[];
  shown: string;
}

const STORED = "termgate.tabs";

/** Adds a tab and shows it. */
export function opened({ open }: Tabs, access: Access): Tabs {
  const there = open.some(({ sessionId }) => sessionId === access.sessionId);
  return { open: there ? open : [...open, access], shown: access.sessionId };
}

/** Removes a tab; if it was shown, shows its neighbour. */
export function closed({ open, shown }: Tabs, sessionId: string): Tabs {
  const at = open.findIndex((access) => access.sessionId === sessionId);
  const rest = open.filter((access) => access.sessionId !== sessionId);
  const neighbour = rest[Math.min(at, rest.length - 1)];
  return { open: rest, shown: shown === sessionId ? (neighbour?.sessionId ?? "") : shown };
}

/** Puts a closed tab back to its place, and shows it. */
export function reopened({ open }: Tabs, access: Access, at: number): Tabs {
  return { open: [...open.slice(0, at), access, ...open.slice(at)], shown: access.sessionId };
}

/** Replaces the session of a tab. */
export function replaced({ open, shown }: Tabs, sessionId: string, access: Access): Tabs {
  return {
    open: open.map((old) => (old.sessionId === sessionId ? access : old)),
    shown: shown === sessionId ? access.sessionId : shown,
  };
}

/** The sessions that were open in this browser tab; only `requested` if it was not among them. */
export function remembered(requested: string | null): string[] {
  const stored: unknown = JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
  const ids = Array.isArray(stored) ? stored.filter((id): id is string => typeof id === "string") : [];
  if (requested === null) return [];
  return ids.includes(requested) ? ids : [requested];
}

export function remember({ open, shown }: Tabs): void {
  sessionStorage.setItem(STORED, JSON.stringify(open.map(({ sessionId }) => sessionId)));
  const here = new URL(window.location.href);
  if (here.searchParams.get("session") === shown) return;
  here.searchParams.set("session", shown);
  window.history.replaceState(null, "", here);
}
