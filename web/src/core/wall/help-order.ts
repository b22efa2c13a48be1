/**
 * The order of a wall: students who need help come first. A row moves seldom, so that a click hits the row that it is meant for. Pure.
 */

import type { WallSession } from "../../protocol/generated.ts";

/** Shortest time between two moves of a row, in ms. */
export const MOVE_INTERVAL_MS = 5000;
/** A student without a key or output for this long is idle, in ms. */
export const IDLE_MS = 120_000;

/** 0 for a raised hand, then a failed command, then idle, then all others. */
function rank(session: WallSession, now: number): number {
  if (session.hand !== undefined) return 0;
  if (session.exitCode) return 1;
  const idle = session.activeAt !== undefined && session.activeAt + IDLE_MS <= now;
  return idle || session.state === "away" || session.state === "unknown" ? 2 : 3;
}

function compare(one: WallSession, other: WallSession, now: number): number {
  const rows = [one, other] as const;
  const [first, second] = rows.map((row) => rank(row, now)) as [number, number];
  if (first !== second) return first - second;
  if (first === 0) return (one.hand ?? 0) - (other.hand ?? 0);
  return one.name.localeCompare(other.name, undefined, { numeric: true }) || (one.id < other.id ? -1 : 1);
}

export class HelpOrder {
  #order: string[] = [];
  #movedAt = Number.NEGATIVE_INFINITY;

  /**
   * The ids in the order in which they are shown at `now`, in ms since 1970. While `held`, as under the pointer or the
   * focus, and within five seconds of the last move, rows stay where they are; new ones come last.
   */
  sort(sessions: ReadonlyMap<string, WallSession>, held: boolean, now: number): readonly string[] {
    const known = this.#order.filter((id) => sessions.has(id));
    const seen = new Set(known);
    const rows = [...sessions.values()].sort((one, other) => compare(one, other, now));
    const kept = [...known, ...rows.map(({ id }) => id).filter((id) => !seen.has(id))];
    const wanted = rows.map(({ id }) => id);
    const moves = known.length > 0 && wanted.some((id, at) => id !== kept[at]);
    const may = !held && now >= this.#movedAt + MOVE_INTERVAL_MS;
    if (moves && may) this.#movedAt = now;
    this.#order = known.length === 0 || may ? wanted : kept;
    return this.#order;
  }
}
