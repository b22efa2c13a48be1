/**
 * Counts in control sequences, whole and in pieces.
 */

import headless from "@xterm/headless";
import { describe, expect, test } from "vitest";
import { CountLimiter } from "../../src/xterm/count-limiter.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** The text for a screen of 80 × 24, handed over in pieces of this length. */
function limited(text: string, length = text.length): string {
  const limiter = new CountLimiter();
  let out = "";
  for (let at = 0; at < text.length; at += length) {
    out += limiter
      .limit(bytesOf(text.slice(at, at + length)), 80, 24)
      .map(textOf)
      .join("");
  }
  return out;
}

const CASES: ReadonlyArray<[name: string, text: string, expected: string]> = [
  ["scroll", "\x1b[2147483647S", "\x1b[24S"],
  ["lines", "\x1b[99999L\x1b[99999M", "\x1b[24L\x1b[24M"],
  ["repeat", "x\x1b[2147483647b", "x\x1b[1920b"],
  ["columns, with an intermediate", "\x1b[99999'}\x1b[99999 @", "\x1b[80'}\x1b[80 @"],
  ["the first part of a parameter", "\x1b[99999:1S", "\x1b[24:1S"],
  ["leading zeros", `\x1b[${"0".repeat(500)}99999S`, "\x1b[24S"],
  ["more digits than numbers have", `\x1b[${"9".repeat(5000)}S`, "\x1b[24S"],
  ["more parameters than there are", `\x1b[${"99999;".repeat(5000)}S`, `\x1b[${"24;".repeat(64)}S`],
  ["controls in between", "\x1b[999\n99\x7fS", "\x1b[\n\x7f24S"],
  ["CSI of one character", "\xc2\x9b99999S", "\xc2\x9b24S"],
  ["an invalid byte in between", "\x1b[9\xff9999S", "\x1b[9\x18\xff9999S"],
  ["many invalid bytes", "\x1b\xff".repeat(900), "\x1b\x18\xff".repeat(900)],
  ["another sequence in between", "\x1b[9\x1b[99999S\x1b\x1b[99999T", "\x1b[9\x1b[24S\x1b\x1b[24T"],
  ["a string in front", "\x1b]0;a\x1b[99999S", "\x1b]0;a\x1b[24S"],
];

const UNCHANGED = [
  "no sequence at all",
  "\x1b[38;5;200;48;2;255;128;0m\x1b[38:2::255:128:0m\x1b[4:3m\x1b[;m\x1b[m",
  "\x1b[?1049h\x1b[?2004h\x1b[?99999h\x1b[>4;2m\x1b[=99999c\x1b[!p\x1b[2 q",
  "\x1b[999;999H\x1b[1;24r\x1b[;H\x1b[8;200;300t\x1b[3J",
  "\x1b[S\x1b[0S\x1b[7;S\x1b[24S\x1b[80C",
  "\x1b]8;;http://a/?99999S\x1b\\\x1bP99999q\x1b\\",
  "\xe6\xbc\xa2\xc3\x9b99999S\xc2",
];

describe.each([1, 2, 3, 7, 100_000])("in pieces of %i", (length) => {
  test.each(CASES)("%s", (_, text, expected) => expect(limited(text, length)).toBe(expected));
  test.each(UNCHANGED)("unchanged: %j", (text) => expect(limited(text, length)).toBe(text));
});

test("much work comes in pieces, between which the emulator draws", () => {
  const pieces = new CountLimiter().limit(bytesOf("\x1b[99999S".repeat(1000)), 80, 24);
  expect(pieces).toHaveLength(Math.ceil((24 * 1000) / 1008));
  expect(pieces.map(textOf).join("")).toBe("\x1b[24S".repeat(1000));
});

test("every sequence with a count is parsed soon", async () => {
  const finals = [..."@ABCDEFGHILMPSTXZ^`abdefrst", " @", " A", "'}", "'~", "g", "J", "K", " q"];
  const terminal = new headless.Terminal({ cols: 80, rows: 24, scrollback: 10_000, allowProposedApi: true });
  const write = (bytes: Uint8Array) => new Promise<void>((parsed) => terminal.write(bytes, parsed));
  const limiter = new CountLimiter();
  for (const final of finals) {
    for (const piece of limiter.limit(bytesOf(`x\x1b[2147483647${final}`.repeat(10)), 80, 24)) await write(piece);
  }
  terminal.dispose();
});
