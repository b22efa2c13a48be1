/**
 * The colours of an xterm.js theme as the service wants them, which answers programs that ask for them.
 */

import type { ITheme } from "@xterm/xterm";
import type { Theme } from "../core/index.ts";

/** The colours of xterm.js where a theme has none. */
const DEFAULTS = {
  ...{ foreground: "#ffffff", background: "#000000", cursor: "#ffffff" },
  ...{ black: "#2e3436", red: "#cc0000", green: "#4e9a06", yellow: "#c4a000" },
  ...{ blue: "#3465a4", magenta: "#75507b", cyan: "#06989a", white: "#d3d7cf" },
  ...{ brightBlack: "#555753", brightRed: "#ef2929", brightGreen: "#8ae234", brightYellow: "#fce94f" },
  ...{ brightBlue: "#729fcf", brightMagenta: "#ad7fa8", brightCyan: "#34e2e2", brightWhite: "#eeeeec" },
} satisfies ITheme;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const BRIGHT = ["Black", "Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White"] as const;
const PALETTE = [...NAMES, ...BRIGHT.map((name) => `bright${name}` as const)];

export function themeColours(theme: ITheme = {}): Theme {
  const colour = (name: keyof typeof DEFAULTS) => toHex(theme[name] ?? "") ?? DEFAULTS[name];
  return {
    foreground: colour("foreground"),
    background: colour("background"),
    cursor: colour("cursor"),
    palette: PALETTE.map(colour),
  };
}

/** A colour of CSS as `#rrggbb`, without its transparency; `undefined` if it is none. */
function toHex(css: string): string | undefined {
  const digits = /^#([0-9a-f]+)$/i.exec(css.trim())?.[1]?.toLowerCase() ?? "";
  if (digits.length === 3 || digits.length === 4)
    return `#${[...digits.slice(0, 3)].map((digit) => digit + digit).join("")}`;
  if (digits.length === 6 || digits.length === 8) return `#${digits.slice(0, 6)}`;
  const channels = /^rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\b/i.exec(css.trim())?.slice(1).map(Number);
  if (!channels) return undefined;
  return `#${channels.map((channel) => Math.min(channel, 255).toString(16).padStart(2, "0")).join("")}`;
}
