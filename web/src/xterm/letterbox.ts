/**
 * How large the characters of a terminal must be so that another window's columns and rows fit into this one. Pure, because the
 * emulator's own cells are only measured in a browser.
 */

/** Width and height: of a box in CSS pixels, of a grid in characters. */
export interface Box {
  width: number;
  height: number;
}

/** Steps of a font's size, in pixels. */
export const FONT_STEP = 0.5;
/** A font is never smaller or larger than this, in pixels, whoever asks. */
export const FONT_RANGE = { smallest: 6, largest: 40 } as const;
/** A letterboxed one may be smaller: better small than cut off. */
const SMALLEST_BOXED = 2;

/** A size that somebody asks for, as one that a terminal takes. */
export function boundFont(pixels: number): number {
  if (!Number.isFinite(pixels)) return 14;
  return Math.min(FONT_RANGE.largest, Math.max(FONT_RANGE.smallest, Math.round(pixels)));
}

/**
 * The largest font at which the grid fits, when `cell` was measured at `font` pixels. Cells are rounded when they are drawn, so
 * that the caller measures again, and steps down where it was too much.
 */
export function fontThatFits(box: Box, grid: Box, cell: Box, font: number): number {
  const scale = Math.min(box.width / (grid.width * cell.width), box.height / (grid.height * cell.height));
  const fitting = Math.floor((font * scale) / FONT_STEP) * FONT_STEP;
  return Math.min(FONT_RANGE.largest, Math.max(SMALLEST_BOXED, fitting));
}

/** The next smaller one, while there is one. */
export function smaller(font: number): number | undefined {
  return font > SMALLEST_BOXED ? font - FONT_STEP : undefined;
}
