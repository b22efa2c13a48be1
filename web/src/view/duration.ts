/**
 * Durations as a status line says them: exact where they are short, and no figure that only makes people nervous.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `4 s`, `1:05`, `12 min`, `2 h 5 min`; never less than nothing. */
export function duration(ms: number): string {
  const left = Math.max(0, ms);
  if (left < MINUTE) return `${Math.ceil(left / SECOND)} s`;
  if (left < 10 * MINUTE) {
    const seconds = Math.ceil(left / SECOND);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min`;
  const minutes = Math.floor((left % HOUR) / MINUTE);
  return `${Math.floor(left / HOUR)} h${minutes > 0 ? ` ${minutes} min` : ""}`;
}

/** In how many ms what `duration` says of `until` changes; null when it says nothing new any more. */
export function nextTick(until: number, now: number): number | null {
  const left = until - now;
  if (left <= 0) return null;
  const step = left < 10 * MINUTE ? SECOND : MINUTE;
  return left % step || step;
}
