/**
 * What comes in with a paste, and when a person is asked.
 */

import { describe, expect, test } from "vitest";
import { linesOf, runsLineByLine, stripControls } from "../../src/xterm/paste.ts";

describe("a paste is text", () => {
  test("it cannot end its own bracket", () => {
    expect(stripControls("ls\x1b[201~\rrm -rf /\r")).toBe("ls[201~\rrm -rf /\r");
  });
  test("nor press keys", () => expect(stripControls("a\x03b\x04c\x7fd\x9be")).toBe("abcde"));
  test("tabs, newlines and everything printable stay", () => {
    const text = "\tgrüße 日本 😀 e\u0301\r\nand\nso on\r";
    expect(stripControls(text)).toBe(text);
  });
});

describe("a person is asked", () => {
  test.each([
    ["for two lines", "cd /tmp\nrm -rf x", true],
    ["for lines of Windows", "a\r\nb", true],
    ["for lines of old Macs", "a\rb", true],
    ["for an empty line below", "ls\n\n", true],
    ["not for one line", "ls -la", false],
    ["not for one line and its end", "ls -la\n", false],
  ])("%s", (_, text, asked) => {
    expect(runsLineByLine(text, false)).toBe(asked);
    expect(runsLineByLine(text, true), "never when the program takes pastes in brackets").toBe(false);
  });
});

test("lines are counted as they would run", () => {
  expect(linesOf("a\r\nb\n\nc\n")).toEqual(["a", "b", "", "c"]);
});
