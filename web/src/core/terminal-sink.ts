/**
 * The emulator as the client sees it. The xterm.js addon implements it; without one, output is discarded.
 */

/** An emulator. It must not answer a program's queries: the service does. */
export interface TerminalSink {
  /** Takes bytes, possibly none; calls `parsed` in order, once everything up to here has been parsed. */
  write(bytes: Uint8Array, parsed: () => void): void;
  /** Resets everything; or only the modes that the last program set, so that a new shell starts below its output. */
  reset(what: "full" | "modes"): void;
  /** Sets the terminal's size from here on. */
  resize(cols: number, rows: number): void;
}
