/**
 * The font size at which another window's terminal fits.
 */

import { expect, test } from "vitest";
import { boundFont, FONT_STEP, fontThatFits, smaller } from "../../src/xterm/letterbox.ts";
import fc from "../support/property.ts";

const CELL = { width: 8, height: 17 };

test("half the room halves the font", () => {
  expect(fontThatFits({ width: 400, height: 1000 }, { width: 100, height: 30 }, CELL, 14)).toBe(7);
});

test("the narrower side decides", () => {
  expect(fontThatFits({ width: 4000, height: 340 }, { width: 100, height: 40 }, CELL, 14)).toBe(7);
});

test("a small terminal in a large window grows", () => {
  expect(fontThatFits({ width: 1600, height: 4000 }, { width: 100, height: 30 }, CELL, 14)).toBe(28);
});

test("a size that fits exactly is taken", () => {
  expect(fontThatFits({ width: 1220, height: 200 }, { width: 70, height: 1 }, CELL, 14)).toBe(30.5);
});

test("the result is the largest that fits, within the range", () => {
  const length = fc.integer({ min: 200, max: 4000 });
  fc.assert(
    fc.property(
      length,
      length,
      fc.integer({ min: 2, max: 300 }),
      fc.integer({ min: 1, max: 100 }),
      (w, h, cols, rows) => {
        const font = fontThatFits({ width: w, height: h }, { width: cols, height: rows }, CELL, 14);
        const fits = (size: number) =>
          (cols * CELL.width * size) / 14 <= w + 1e-6 && (rows * CELL.height * size) / 14 <= h + 1e-6;
        expect(fits(font) || font === 2).toBe(true);
        expect(!fits(font + FONT_STEP) || font === 40).toBe(true);
      },
    ),
  );
});

test("stepping down stops at the minimum", () => {
  let font: number | undefined = 40;
  let steps = 0;
  while (font !== undefined) {
    font = smaller(font);
    steps += 1;
  }
  expect(steps).toBe(38 / FONT_STEP + 1);
});

test.each([
  [3, 6],
  [14.4, 14],
  [99, 40],
  [Number.NaN, 14],
])("a font of %s px becomes %s", (asked, given) => expect(boundFont(asked)).toBe(given));
