/**
 * Typed keys by what is known of their effect on the line under the cursor.
 */

import { knownWidth } from "./char-width.ts";

export type Key =
  /** Appears at the cursor. */
  | { kind: "character"; text: string; width: 1 | 2 }
  | { kind: "erase" }
  | { kind: "left" }
  | { kind: "right" }
  /** Its effect is not predicted, but a line editor at its prompt stays there: history, and jumps within the line. */
  | { kind: "edit" }
  /** Anything: it may start a program, ask for a password, or change the meaning of all later keys. */
  | { kind: "other" };

const ERASE: readonly string[] = ["\x7f", "\b"];
const LEFT: readonly string[] = ["\x1b[D", "\x1bOD"];
const RIGHT: readonly string[] = ["\x1b[C", "\x1bOC"];
/** Up, Down, Home, End, Delete; Ctrl-A, Ctrl-E, Ctrl-K, Ctrl-U, Ctrl-W. */
const EDITS: readonly string[] = [
  ...["\x1b[A", "\x1bOA", "\x1b[B", "\x1bOB", "\x1b[H", "\x1bOH", "\x1b[F", "\x1bOF", "\x1b[3~"],
  ...["\x01", "\x05", "\x0b", "\x15", "\x17"],
];

export function keyOf(text: string): Key {
  const width = knownWidth(text);
  if (width) return { kind: "character", text, width };
  if (ERASE.includes(text)) return { kind: "erase" };
  if (LEFT.includes(text)) return { kind: "left" };
  if (RIGHT.includes(text)) return { kind: "right" };
  return { kind: EDITS.includes(text) ? "edit" : "other" };
}
