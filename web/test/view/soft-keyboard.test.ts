/**
 * The height of a terminal that a touch keyboard covers.
 */

import { expect, test } from "vitest";
import { coveredHeight } from "../../src/view/use-soft-keyboard.ts";

test.each([
  ["no keyboard", { bottom: 700, height: 700 }, { offsetTop: 0, height: 700 }, 0],
  ["a bar of the browser", { bottom: 700, height: 700 }, { offsetTop: 0, height: 630 }, 0],
  ["a keyboard", { bottom: 700, height: 700 }, { offsetTop: 0, height: 400 }, 300],
  ["a page that the browser has scrolled", { bottom: 700, height: 700 }, { offsetTop: 200, height: 400 }, 100],
  ["a terminal that ends above it", { bottom: 380, height: 300 }, { offsetTop: 0, height: 400 }, 0],
  ["a terminal below it", { bottom: 700, height: 200 }, { offsetTop: 0, height: 300 }, 80],
  ["a terminal that is small already", { bottom: 700, height: 100 }, { offsetTop: 0, height: 300 }, 0],
] as const)("%s", (_, box, viewport, covered) => expect(coveredHeight(box, viewport, 700)).toBe(covered));
