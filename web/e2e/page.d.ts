/**
 * The example page's global variable, through which the tests read the screen.
 */

import type { Terminal } from "@xterm/xterm";
import type { TermgateHandle, TerminalClient } from "../src/index.ts";

declare global {
  interface Window {
    termgate?: { terminal: Terminal | null; client: TerminalClient; handle: TermgateHandle | null };
  }
}
