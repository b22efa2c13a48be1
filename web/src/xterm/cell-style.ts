/**
 * The look of a cell in CSS, for elements that are drawn in its place.
 */

import type { IBufferCell, ITheme } from "@xterm/xterm";

/** Names of the theme's colours by number. */
const NAMES = [
  ...(["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const),
  ...(["brightBlack", "brightRed", "brightGreen", "brightYellow"] as const),
  ...(["brightBlue", "brightMagenta", "brightCyan", "brightWhite"] as const),
];
/** Levels of a channel in the colour cube, and the step and first level of the greys. */
const CUBE = [0, 95, 135, 175, 215, 255];
const GREY_STEP = 10;
const FIRST_GREY = 8;

export interface CellStyle {
  color: string;
  background: string;
  fontWeight: string;
  fontStyle: string;
  textDecoration: string;
  opacity: string;
}

/** The style of a cell; of an empty one without a cell. */
export function styleOf(cell: IBufferCell | undefined, theme: ITheme): CellStyle {
  const text = theme.foreground ?? "#fff";
  const ground = theme.background ?? "#000";
  const color = cell && !cell.isFgDefault() ? colorOf(cell.getFgColor(), cell.isFgRGB(), theme) : text;
  const background = cell && !cell.isBgDefault() ? colorOf(cell.getBgColor(), cell.isBgRGB(), theme) : ground;
  const inverse = Boolean(cell?.isInverse());
  return {
    color: inverse ? background : color,
    background: inverse ? color : background,
    fontWeight: cell?.isBold() ? "bold" : "normal",
    fontStyle: cell?.isItalic() ? "italic" : "normal",
    textDecoration: cell?.isUnderline() ? "underline" : "none",
    opacity: cell?.isDim() ? "0.5" : "1",
  };
}

/** A colour of the palette of 256, or one that is given as 24 bits. */
export function colorOf(value: number, direct: boolean, theme: ITheme): string {
  if (direct) return `#${value.toString(16).padStart(6, "0")}`;
  const name = NAMES[value];
  if (name) return theme[name] ?? "currentColor";
  const grey = FIRST_GREY + (value - 232) * GREY_STEP;
  if (value >= 232) return `rgb(${grey}, ${grey}, ${grey})`;
  const at = value - 16;
  return `rgb(${[Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((level) => CUBE[level]).join(", ")})`;
}
