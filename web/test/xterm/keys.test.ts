/**
 * The keyboard shortcuts.
 */

import { describe, expect, test } from "vitest";
import { actionOf, type Key } from "../../src/xterm/keys.ts";

const KEY: Key = { key: "", code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };
const key = (key: string, fields: Partial<Key> = {}): Key => ({
  ...KEY,
  key,
  code: `Key${key.toUpperCase()}`,
  ...fields,
});
const ctrl = { ctrlKey: true };
const ctrlShift = { ctrlKey: true, shiftKey: true };
const cmd = { metaKey: true };

describe("on a PC", () => {
  test.each([
    ["Ctrl-Shift-C copies", key("C", ctrlShift), "copy"],
    ["Ctrl-Shift-V pastes", key("V", ctrlShift), "paste"],
    ["Ctrl-Shift-F finds", key("F", ctrlShift), "find"],
    ["by its place where letters are Cyrillic", key("С", { ...ctrlShift, code: "KeyC" }), "copy"],
    ["by its letter where the layout is another", key("C", { ...ctrlShift, code: "KeyI" }), "copy"],
    ["Ctrl-Shift-L leaves", key("L", ctrlShift), "leave"],
    ["Ctrl-L clears the screen", key("l", ctrl), undefined],
    ["Ctrl-plus with Shift", key("+", ctrlShift), "bigger"],
    ["Ctrl-equals", key("=", ctrl), "bigger"],
    ["Ctrl-minus", key("-", ctrl), "smaller"],
    ["Ctrl-0", key("0", ctrl), "normal"],
    ["Ctrl-Up goes to the prompt above", key("ArrowUp", ctrl), "up"],
    ["Ctrl-Down goes to the one below", key("ArrowDown", ctrl), "down"],
    ["Ctrl-Shift-Up is the program's", key("ArrowUp", ctrlShift), undefined],
    ["Up is the program's", key("ArrowUp"), undefined],
    ["Ctrl-C is the shell's", key("c", ctrl), undefined],
    ["Ctrl-V is the shell's", key("v", ctrl), undefined],
    ["Ctrl-Shift-minus is Ctrl-_, which undoes", key("_", ctrlShift), undefined],
    ["Ctrl-Alt is a third level of the keyboard", key("c", { ...ctrlShift, altKey: true }), undefined],
    ["Win-C is the system's", key("c", cmd), undefined],
    ["Shift-F10 opens the menu", key("F10", { shiftKey: true }), "menu"],
    ["the menu key", key("ContextMenu"), "menu"],
    ["F10 is the program's", key("F10"), undefined],
    ["Ctrl-Shift-F10 is the program's", key("F10", ctrlShift), undefined],
    ["a letter", key("c"), undefined],
    ["another letter", key("X", ctrlShift), undefined],
  ] as const)("%s", (_, pressed, action) => expect(actionOf(pressed, false)).toBe(action));
});

describe("on a Mac", () => {
  test.each([
    ["Cmd-C copies", key("c", cmd), "copy"],
    ["Cmd-V pastes", key("v", cmd), "paste"],
    ["Cmd-F finds", key("f", cmd), "find"],
    ["Ctrl-Shift-L leaves, as everywhere", key("L", ctrlShift), "leave"],
    ["Cmd-Up goes to the prompt above", key("ArrowUp", cmd), "up"],
    ["Ctrl-Up is the program's", key("ArrowUp", ctrl), undefined],
    ["Cmd-plus", key("+", { ...cmd, shiftKey: true }), "bigger"],
    ["Ctrl-C is the shell's", key("c", ctrl), undefined],
    ["Ctrl-minus is the shell's", key("-", ctrl), undefined],
    ["Cmd-Shift-C is the browser's", key("c", { ...cmd, shiftKey: true }), undefined],
  ] as const)("%s", (_, pressed, action) => expect(actionOf(pressed, true)).toBe(action));
});
