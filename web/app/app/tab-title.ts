/**
 * The title and the state of a terminal in its tab, also while another one is shown.
 */

import type { TerminalState } from "../../src/index.ts";

export interface TabTitle {
  /** Set by programs, or the shell's directory. */
  title: string;
  /** A word for a terminal that needs its user; empty for others. */
  sign: string;
}

export function signOf({ status, end, error, closing }: TerminalState): string {
  if (end || error?.code === "SESSION_ENDED") return "ended";
  if (status === "offline" || (status === "closed" && error)) return "not connected";
  return closing ? "ends soon" : "";
}
