/**
 * What the page leaves on `window` for those who want to read the screen.
 */

import type { Terminal } from "@xterm/xterm";
import type { TerminalClient } from "../src/index.ts";

declare global {
  interface Window {
    termgate?: { terminal: Terminal | null; client: TerminalClient };
  }
}
