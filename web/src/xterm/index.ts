/**
 * The xterm.js integration.
 */

import type { TerminalHandlers } from "./open.ts";
import type { SearchQuery, SearchResult } from "./search.ts";
import { MIN_CONTRAST } from "./themes.ts";

export { TermgateAddon } from "./addon.ts";
export { cellAt } from "./cells.ts";
export { copyText } from "./clipboard.ts";
export { CommandMarks } from "./command-marks.ts";
export { isApple } from "./keys.ts";
export { boundFont } from "./letterbox.ts";
export type { MenuCause, MenuHandlers } from "./menu.ts";
export { type OpenTerminal, openTerminal, type PagePolicy, type TerminalHandlers } from "./open.ts";
export { linesOf } from "./paste.ts";
export type { Place } from "./scroll.ts";
export type { Search, SearchQuery, SearchResult } from "./search.ts";
export { textOf } from "./text.ts";
export { themeColours } from "./theme-colours.ts";
export { MIN_CONTRAST, THEMES, type ThemeName } from "./themes.ts";
export type { Modifiers, TouchKey, TouchKeys } from "./touch-keys.ts";
export { installWidths } from "./widths.ts";

/** @deprecated Renamed to `TerminalHandlers`. */
export type TerminalEars = TerminalHandlers;
/** @deprecated Renamed to `SearchResult`. */
export type Found = SearchResult;
/** @deprecated Renamed to `SearchQuery`. */
export type SearchFor = SearchQuery;
/** @deprecated Renamed to `MIN_CONTRAST`. */
export const LEAST_CONTRAST = MIN_CONTRAST;
