/**
 * Durations, and when what is said of them changes.
 */

import { expect, test } from "vitest";
import { duration, nextTick } from "../../src/view/duration.ts";
import fc from "../support/property.ts";

test.each([
  [-5, "0 s"],
  [1, "1 s"],
  [3200, "4 s"],
  [59_900, "60 s"],
  [65_000, "1:05"],
  [599_000, "9:59"],
  [600_000, "10 min"],
  [3_599_999, "59 min"],
  [3_600_000, "1 h"],
  [7_500_000, "2 h 5 min"],
])("%s ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

test("the text stays the same between two ticks", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000_000 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (left, part) => {
        const tick = nextTick(left, 0) ?? 0;
        expect(tick).toBeGreaterThan(0);
        expect(duration(left - Math.floor((tick - 1) * part))).toBe(duration(left));
      },
    ),
  );
});

test("there is no tick after the end", () => expect(nextTick(5, 5)).toBeNull());
