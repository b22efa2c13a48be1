/**
 * The colours that the service is told, for each theme and notation.
 */

import { expect, test } from "vitest";
import { themeColours } from "../../src/xterm/theme-colours.ts";
import { THEMES } from "../../src/xterm/themes.ts";

test("a theme has the colours that it names, and xterm.js's own for the others", () => {
  const { foreground, background, cursor, palette } = themeColours(THEMES.light);
  expect([foreground, background, cursor, palette[1], palette[15]]).toEqual([
    ...["#1f2328", "#ffffff", "#1f2328", "#cf222e", "#57606a"],
  ]);
  expect(palette).toHaveLength(16);
  expect(themeColours()).toMatchObject({ foreground: "#ffffff", background: "#000000" });
});

test("every notation that xterm.js reads becomes six digits", () => {
  for (const [css, hex] of [
    ["#FFF", "#ffffff"],
    ["#12345678", "#123456"],
    ["#abcd", "#aabbcc"],
    ["rgb(1, 2, 255)", "#0102ff"],
    ["rgba(1,2,3,0.5)", "#010203"],
    ["no colour", "#000000"],
  ] as const)
    expect(themeColours({ background: css }).background).toBe(hex);
});
