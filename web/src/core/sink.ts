/**
 * Where output goes: an emulator, as the client sees it. The xterm.js addon is one; a client without any throws bytes away.
 */

import type { SnapshotScope } from "../protocol/generated.ts";

/** An emulator. */
export interface TerminalSink {
  /** Takes bytes, possibly none; calls `parsed` once everything up to here has been parsed, in order. */
  write(bytes: Uint8Array, parsed: () => void): void;
  /** Back to a fresh terminal; or to a fresh screen, scrollback kept; or only out of what the last program had switched on. */
  reset(scope: SnapshotScope | "modes"): void;
  /** The terminal has this size from here on. */
  resize(cols: number, rows: number): void;
  /** Whether what is parsed from here on happens now, or is history, whose questions must not be answered again. */
  live(now: boolean): void;
}
