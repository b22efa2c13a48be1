/**
 * Durations for the status line: to the second below 10 minutes, then to the minute.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Formats as `4 s`, `1:05`, `12 min` or `2 h 5 min`; a negative duration as `0 s`. */
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

/** Time until the text of `duration` changes, in ms; null after `until`. */
export function nextTick(until: number, now: number): number | null {
  const left = until - now;
  if (left <= 0) return null;
  const step = left < 10 * MINUTE ? SECOND : MINUTE;
  return left % step || step;
}
