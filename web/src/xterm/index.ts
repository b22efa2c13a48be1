/**
 * For pages that bring xterm.js.
 */

export { TermgateAddon } from "./addon.ts";
export { type OpenTerminal, openTerminal } from "./open.ts";
