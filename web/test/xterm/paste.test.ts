/**
 * Sanitized pastes, and when to ask.
 */

import { describe, expect, test } from "vitest";
import { linesOf, runsLineByLine, stripControls } from "../../src/xterm/paste.ts";

describe("stripControls", () => {
  test("removes ESC, which could end the bracket", () => {
    expect(stripControls("ls\x1b[201~\rrm -rf /\r")).toBe("ls[201~\rrm -rf /\r");
  });
  test("removes control keys", () => expect(stripControls("a\x03b\x04c\x7fd\x9be")).toBe("abcde"));
  test("keeps tabs, newlines and printable text", () => {
    const text = "\tgrüße 日本 😀 e\u0301\r\nand\nso on\r";
    expect(stripControls(text)).toBe(text);
  });
});

describe("the user is asked", () => {
  test.each([
    ["for two lines", "cd /tmp\nrm -rf x", true],
    ["for lines of Windows", "a\r\nb", true],
    ["for lines of old Macs", "a\rb", true],
    ["for an empty line below", "ls\n\n", true],
    ["not for one line", "ls -la", false],
    ["not for one line and its end", "ls -la\n", false],
  ])("%s", (_, text, asked) => {
    expect(runsLineByLine(text, false)).toBe(asked);
    expect(runsLineByLine(text, true), "never with bracketed paste").toBe(false);
  });
});

test("counts the lines that would run", () => {
  expect(linesOf("a\r\nb\n\nc\n")).toEqual(["a", "b", "", "c"]);
});
