/**
 * Where output goes: an emulator, as the client sees it. The xterm.js addon is one; a client without any throws bytes away.
 */

/** An emulator. It never answers a program's questions: the service does. */
export interface TerminalSink {
  /** Takes bytes, possibly none; calls `parsed` once everything up to here has been parsed, in order. */
  write(bytes: Uint8Array, parsed: () => void): void;
  /** Back to a fresh terminal; or only out of what the last program had switched on, so that a new shell starts below it. */
  reset(what: "full" | "modes"): void;
  /** The terminal has this size from here on. */
  resize(cols: number, rows: number): void;
}
