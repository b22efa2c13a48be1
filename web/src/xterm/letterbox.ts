/**
 * Computes the font size at which the columns and rows of another window fit into this one. Pure, because only a
 * browser can measure cells.
 */

/** A box in CSS pixels, or a grid in characters. */
export interface Box {
  width: number;
  height: number;
}

/** In pixels. */
export const FONT_STEP = 0.5;
/** Range of font sizes that the user can set, in pixels. */
export const FONT_RANGE = { smallest: 6, largest: 40 } as const;
/** Minimum for a letterboxed terminal: better small than cut off. */
const MIN_BOXED_FONT = 2;

/** Rounds and clamps a font size that the user sets. */
export function boundFont(pixels: number): number {
  if (!Number.isFinite(pixels)) return 14;
  return Math.min(FONT_RANGE.largest, Math.max(FONT_RANGE.smallest, Math.round(pixels)));
}

/**
 * The largest font size at which the grid fits, if `cell` was measured at `font` pixels. Drawn cells are rounded, so
 * the caller measures again and steps down if the result is too large.
 */
export function fontThatFits(box: Box, grid: Box, cell: Box, font: number): number {
  // A single division, the last: a size that fits exactly must not become a step smaller by rounding.
  const steps = (room: number, cells: number, size: number) => (room * font) / (cells * size * FONT_STEP);
  const both = Math.min(steps(box.width, grid.width, cell.width), steps(box.height, grid.height, cell.height));
  const fitting = Math.floor(both) * FONT_STEP;
  return Math.min(FONT_RANGE.largest, Math.max(MIN_BOXED_FONT, fitting));
}

/** The next smaller font size, if any. */
export function smaller(font: number): number | undefined {
  return font > MIN_BOXED_FONT ? font - FONT_STEP : undefined;
}
