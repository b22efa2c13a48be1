/**
 * The words of a wall's tiles.
 */

import type { WallScreen, WallSession } from "../../core/index.ts";
import { IDLE_MS } from "../../core/index.ts";

/** A screen that is older than its session's last activity by this much says so, in ms. */
const OLD_MS = 15_000;

/** Why a student may need help, and how the student is doing; `now` in ms since 1970. */
export function noteOf(session: WallSession, screen: WallScreen | undefined, now: number): string {
  const notes: string[] = [];
  if (session.hand !== undefined) notes.push("Hand raised");
  if (session.state === "not_started") notes.push("Not started");
  if (session.state === "away") notes.push("Away");
  if (session.state === "unknown") notes.push("Out of reach");
  if (session.exitCode) notes.push(`Last command failed (${session.exitCode})`);
  const { activeAt } = session;
  if (activeAt !== undefined && activeAt + IDLE_MS <= now) notes.push(`Idle for ${minutes(now - activeAt)}`);
  if (screen && activeAt !== undefined && screen.at + OLD_MS < activeAt) {
    notes.push(`Screen of ${Math.round((now - screen.at) / 1000)} s ago`);
  }
  return notes.join(" · ");
}

function minutes(ms: number): string {
  const count = Math.round(ms / 60_000);
  return count < 120 ? `${count} min` : `${Math.round(count / 60)} h`;
}

/** True if a search finds the session by its name or title. */
export function matches(session: WallSession, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return `${session.name}\n${session.title ?? ""}`.toLowerCase().includes(wanted);
}
