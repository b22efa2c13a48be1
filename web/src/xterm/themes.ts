/**
 * The palettes. Each of the sixteen colours is readable on its background.
 */

import type { ITheme } from "@xterm/xterm";

export type ThemeName = "dark" | "light" | "contrast";

const DARK: ITheme = {
  background: "#0d1117",
  foreground: "#e6edf3",
  cursor: "#e6edf3",
  cursorAccent: "#0d1117",
  selectionBackground: "#2f5288",
  selectionInactiveBackground: "#2b3440",
  scrollbarSliderBackground: "#6e768140",
  scrollbarSliderHoverBackground: "#6e768180",
  scrollbarSliderActiveBackground: "#6e7681b0",
  black: "#484f58",
  red: "#ff7b72",
  green: "#3fb950",
  yellow: "#d29922",
  blue: "#58a6ff",
  magenta: "#bc8cff",
  cyan: "#39c5cf",
  white: "#b1bac4",
  brightBlack: "#7d8590",
  brightRed: "#ffa198",
  brightGreen: "#56d364",
  brightYellow: "#e3b341",
  brightBlue: "#79c0ff",
  brightMagenta: "#d2a8ff",
  brightCyan: "#56d4dd",
  brightWhite: "#f0f6fc",
};

const LIGHT: ITheme = {
  background: "#ffffff",
  foreground: "#1f2328",
  cursor: "#1f2328",
  cursorAccent: "#ffffff",
  selectionBackground: "#a8cdff",
  selectionInactiveBackground: "#d8dee4",
  scrollbarSliderBackground: "#6e778140",
  scrollbarSliderHoverBackground: "#6e778180",
  scrollbarSliderActiveBackground: "#6e7781b0",
  black: "#24292f",
  red: "#cf222e",
  green: "#116329",
  yellow: "#7d4e00",
  blue: "#0969da",
  magenta: "#8250df",
  cyan: "#1b7c83",
  white: "#6e7781",
  brightBlack: "#57606a",
  brightRed: "#a40e26",
  brightGreen: "#1a7f37",
  brightYellow: "#633c01",
  brightBlue: "#0550ae",
  brightMagenta: "#6639ba",
  brightCyan: "#136061",
  brightWhite: "#57606a",
};

const CONTRAST: ITheme = {
  background: "#000000",
  foreground: "#ffffff",
  cursor: "#ffff00",
  cursorAccent: "#000000",
  selectionBackground: "#ffffff",
  selectionForeground: "#000000",
  scrollbarSliderBackground: "#ffffff80",
  scrollbarSliderHoverBackground: "#ffffffb0",
  scrollbarSliderActiveBackground: "#ffffff",
  black: "#9a9a9a",
  red: "#ff8a8a",
  green: "#4dff4d",
  yellow: "#ffff4d",
  blue: "#8ab8ff",
  magenta: "#ff9cff",
  cyan: "#4dffff",
  white: "#e6e6e6",
  brightBlack: "#b8b8b8",
  brightRed: "#ffb3b3",
  brightGreen: "#8cff8c",
  brightYellow: "#ffff99",
  brightBlue: "#b3d1ff",
  brightMagenta: "#ffc2ff",
  brightCyan: "#99ffff",
  brightWhite: "#ffffff",
};

export const THEMES: Record<ThemeName, ITheme> = { dark: DARK, light: LIGHT, contrast: CONTRAST };

/** Minimum contrast of text with its background: AA of WCAG, and AAA for `contrast`. */
export const MIN_CONTRAST: Record<ThemeName, number> = { dark: 4.5, light: 4.5, contrast: 7 };
