/** Columns of characters. `crates/vt/tests/differential/widths.rs` compares all with the service's and the C library's. */

import { Terminal } from "@xterm/headless";
import { expect, test } from "vitest";
import { knownWidth } from "../../src/core/prediction/char-width.ts";
import { installWidths, TermgateWidths } from "../../src/xterm/widths.ts";

const widths = new TermgateWidths();

test("a key shown before its echo takes the columns that the terminal gives it", () => {
  for (let code = 0; code <= 0xffff; code++) {
    const known = knownWidth(String.fromCharCode(code));
    if (known !== undefined) expect(known, code.toString(16)).toBe(widths.wcwidth(code));
  }
});

test("the terminal counts new emoji, accents and rare characters", async () => {
  const terminal = new Terminal({ allowProposedApi: true });
  installWidths(terminal as never);
  const columns = async (text: string) => {
    await new Promise<void>((done) => terminal.write(`\r${text}`, done));
    return terminal.buffer.active.cursorX;
  };
  expect(await columns("🥲🤌🛟")).toBe(6);
  expect(await columns("e\u0301x")).toBe(2);
  expect(await columns("漢\u0301x")).toBe(3);
  expect(await columns("\u{2a6d6}\u{30000}")).toBe(4);
  expect(await columns("a\u{e0101}\u{10fffd}")).toBe(2);
});
