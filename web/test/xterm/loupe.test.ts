/**
 * The text of the loupe.
 */

import headless from "@xterm/headless";
import { expect, test } from "vitest";
import { around } from "../../src/xterm/loupe.ts";

const terminal = new headless.Terminal({ cols: 20, rows: 2, allowProposedApi: true });

test("is what is around a cell, with blanks beyond the line, and whole wide characters", async () => {
  await new Promise<void>((resolve) => terminal.write("abc 日本語", resolve));
  const at = (col: number, row = 0) => around(terminal as never, { col, row });
  expect(at(0)).toEqual(["      ", "a", "bc 日本"]);
  expect(at(2)).toEqual(["    ab", "c", " 日本語"]);
  // Either half.
  expect(at(6)).toEqual(["abc 日", "本", "語   "]);
  expect(at(7)).toEqual(at(6));
  expect(at(19)[2]).toBe("      ");
  expect(at(3, 9)).toEqual(["      ", " ", "      "]);
});
