/**
 * A time of the next days, for a person.
 */

/** `at` is in ms since 1970. */
export function timeOf(at: number): string {
  return new Date(at).toLocaleString([], { weekday: "long", hour: "2-digit", minute: "2-digit" });
}
