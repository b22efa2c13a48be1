/**
 * For pages that bring xterm.js.
 */

export { TermgateAddon } from "./addon.ts";
export { copyText } from "./clipboard.ts";
export { boundFont } from "./letterbox.ts";
export { type OpenTerminal, openTerminal, type TerminalEars } from "./open.ts";
export { linesOf } from "./paste.ts";
export type { Found, Search, SearchFor } from "./search.ts";
export { textOf } from "./text.ts";
export { LEAST_CONTRAST, THEMES, type ThemeName } from "./themes.ts";
export type { TouchKey, TouchKeys } from "./touch-keys.ts";
