/**
 * Times of today, as people read them beside a name.
 */

/** Formats ms since 1970 by the browser's language, as `15:04`. */
export function timeOfDay(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
