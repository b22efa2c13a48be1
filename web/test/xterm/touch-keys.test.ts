/**
 * The touch keys and their sticky Ctrl.
 */

import headless from "@xterm/headless";
import type { Terminal } from "@xterm/xterm";
import { describe, expect, test } from "vitest";
import { sequenceOf, TouchKeys, withControl } from "../../src/xterm/touch-keys.ts";

const CONTROL = { control: true, alt: false };
const ALT = { control: false, alt: true };

test("arrows have two forms, and a third with Ctrl", () => {
  expect(sequenceOf("ArrowUp", false)).toBe("\x1b[A");
  expect(sequenceOf("ArrowUp", true)).toBe("\x1bOA");
  expect(sequenceOf("ArrowLeft", true, CONTROL)).toBe("\x1b[1;5D");
  expect(sequenceOf("ArrowLeft", true, ALT)).toBe("\x1b[1;3D");
  expect(sequenceOf("Escape", false)).toBe("\x1b");
  expect(sequenceOf("Tab", false)).toBe("\t");
});

test("keys that move by more have the sequences of a keyboard", () => {
  expect(sequenceOf("Home", false)).toBe("\x1b[H");
  expect(sequenceOf("End", true)).toBe("\x1bOF");
  expect(sequenceOf("PageUp", true)).toBe("\x1b[5~");
  expect(sequenceOf("PageDown", false, { control: true, alt: true })).toBe("\x1b[6;7~");
});

test.each([
  ["c", "\x03"],
  ["C", "\x03"],
  ["[", "\x1b"],
  [" ", "\0"],
  ["é", "é"],
  ["", ""],
])("Ctrl-%s", (typed, sent) => expect(withControl(typed)).toBe(sent));

describe("sticky modifiers", () => {
  function row() {
    const terminal = new headless.Terminal({ allowProposedApi: true });
    const sent: string[] = [];
    const lit: boolean[] = [];
    terminal.onData((text) => sent.push(text));
    const keys = new TouchKeys(terminal as unknown as Terminal, (held) => lit.push(held.control));
    return { keys, sent, lit };
  }

  test("applies to one character", () => {
    const { keys, lit } = row();
    keys.toggle("control");
    expect([keys.transform("r"), keys.transform("r")]).toEqual(["\x12", "r"]);
    expect(lit).toEqual([true, false]);
  });

  test("applies to one touch key", () => {
    const { keys, sent } = row();
    keys.toggle("control");
    keys.press("ArrowRight");
    keys.press("ArrowRight");
    expect(sent).toEqual(["\x1b[1;5C", "\x1b[C"]);
  });

  test("does not apply to a paste", () => {
    const { keys } = row();
    keys.toggle("control");
    expect([keys.transform("a whole text"), keys.transform("c")]).toEqual(["a whole text", "\x03"]);
  });

  test("combine, and apply to a character of the row", () => {
    const { keys, sent } = row();
    keys.toggle("alt");
    expect([keys.transform("b"), keys.transform("b")]).toEqual(["\x1bb", "b"]);
    keys.toggle("alt");
    keys.toggle("control");
    expect(keys.transform("c")).toBe("\x1b\x03");
    keys.type("|");
    keys.toggle("alt");
    keys.press("Tab");
    expect(sent).toEqual(["|", "\x1b\t"]);
  });

  test("is released by a second touch", () => {
    const { keys } = row();
    keys.toggle("control");
    keys.toggle("control");
    expect(keys.transform("c")).toBe("c");
  });
});
