/**
 * The touch keys and their sticky Ctrl.
 */

import headless from "@xterm/headless";
import type { Terminal } from "@xterm/xterm";
import { describe, expect, test } from "vitest";
import { sequenceOf, TouchKeys, withControl } from "../../src/xterm/touch-keys.ts";

test("arrows have two forms, and a third with Ctrl", () => {
  expect(sequenceOf("ArrowUp", false, false)).toBe("\x1b[A");
  expect(sequenceOf("ArrowUp", true, false)).toBe("\x1bOA");
  expect(sequenceOf("ArrowLeft", true, true)).toBe("\x1b[1;5D");
  expect(sequenceOf("Escape", false, false)).toBe("\x1b");
  expect(sequenceOf("Tab", false, false)).toBe("\t");
});

test.each([
  ["c", "\x03"],
  ["C", "\x03"],
  ["[", "\x1b"],
  [" ", "\0"],
  ["é", "é"],
  ["", ""],
])("Ctrl-%s", (typed, sent) => expect(withControl(typed)).toBe(sent));

describe("sticky Ctrl", () => {
  function row() {
    const terminal = new headless.Terminal({ allowProposedApi: true });
    const sent: string[] = [];
    const lit: boolean[] = [];
    terminal.onData((text) => sent.push(text));
    const keys = new TouchKeys(terminal as unknown as Terminal, (down) => lit.push(down));
    return { keys, sent, lit };
  }

  test("applies to one character", () => {
    const { keys, lit } = row();
    keys.toggleControl();
    expect([keys.transform("r"), keys.transform("r")]).toEqual(["\x12", "r"]);
    expect(lit).toEqual([true, false]);
  });

  test("applies to one touch key", () => {
    const { keys, sent } = row();
    keys.toggleControl();
    keys.press("ArrowRight");
    keys.press("ArrowRight");
    expect(sent).toEqual(["\x1b[1;5C", "\x1b[C"]);
  });

  test("does not apply to a paste", () => {
    const { keys } = row();
    keys.toggleControl();
    expect([keys.transform("a whole text"), keys.transform("c")]).toEqual(["a whole text", "\x03"]);
  });

  test("is released by a second touch", () => {
    const { keys } = row();
    keys.toggleControl();
    keys.toggleControl();
    expect(keys.transform("c")).toBe("c");
  });
});
