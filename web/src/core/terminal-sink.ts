/**
 * The emulator as the client sees it. The xterm.js addon implements it; without one, output is discarded.
 */

/** The service's progress with the input when it sent a frame. */
export interface InputProgress {
  /** Length of the input that it had applied, in characters since the page was loaded. */
  applied: number;
  /** True if it had waited for output after that, in vain. */
  alone: boolean;
  /** True if the shell waited for a command at an empty prompt, and echoes it. */
  prompt: boolean;
}

/** An emulator. It must not answer a program's queries: the service does. */
export interface TerminalSink {
  /** Takes bytes, possibly none; calls `parsed` in order, once everything up to here has been parsed. */
  write(bytes: Uint8Array, parsed: () => void): void;
  /** Resets everything; or only the modes that the last program set, so that a new shell starts below its output. */
  reset(what: "full" | "modes"): void;
  /** Sets the terminal's size from here on. */
  resize(cols: number, rows: number): void;
  /** The emulator has parsed everything that the service had sent at this point. */
  progress?(progress: InputProgress): void;
}
