/**
 * Input is split between characters and escape sequences, never inside.
 */

import { describe, expect, test } from "vitest";
import { chunkEnd, jsonBytes, unitEnd, wellFormed } from "../../src/core/input-chunks.ts";
import { seeded } from "../support/random.ts";

/** Splits the text into chunks of at most `maxBytes`. */
function split(text: string, maxBytes: number): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = chunkEnd(text, at, maxBytes);
    chunks.push(text.slice(at, end));
    at = end;
  }
  return chunks;
}

describe("unitEnd", () => {
  test.each([
    ["an arrow key", "\x1b[A", 3],
    ["a key with parameters", "\x1b[1;5C", 6],
    ["a function key", "\x1bOP", 3],
    ["a paste bracket", "\x1b[200~", 6],
    ["an SGR mouse report", "\x1b[<0;12;34M", 11],
    ["an X10 mouse report with its three bytes", "\x1b[M !!", 6],
    ["Alt and a letter", "\x1bx", 2],
    ["Alt and an arrow", "\x1b\x1b[A", 4],
    ["Alt and a surrogate pair", "\x1b😀", 3],
    ["a reply that ends in BEL", "\x1b]11;rgb:00/00/00\x07", 18],
    ["a reply that ends in ST", "\x1bP1$r0m\x1b\\", 9],
    ["Escape alone", "\x1b", 1],
    ["a surrogate pair", "😀", 2],
    ["a lone surrogate", "\ud83d", 1],
    ["a letter", "a", 1],
  ])("%s is one unit", (_, text, length) => {
    expect(unitEnd(text, 0)).toBe(length);
    expect(unitEnd(`xy${text}`, 2)).toBe(2 + length);
  });

  test("two Escapes are two keys", () => {
    expect(unitEnd("\x1b\x1b", 0)).toBe(1);
  });

  test("an unterminated string is text", () => {
    expect(unitEnd(`\x1b]${"x".repeat(10_000)}`, 0)).toBe(1);
  });
});

describe("chunkEnd", () => {
  test("never splits a paste bracket, an escape sequence or a surrogate pair", () => {
    const random = seeded(7);
    const units = ["a", "ß", "日", "😀", "\x1b[A", "\x1b[1;5C", "\x1bOP", "\r", '"', "\\", "\t"];
    const text = `\x1b[200~${Array.from({ length: 5000 }, () => units[Math.floor(random() * units.length)]).join("")}\x1b[201~`;
    for (const maxBytes of [16, 100, 1000]) {
      const chunks = split(text, maxBytes);
      expect(chunks.join("")).toBe(text);
      for (const chunk of chunks) {
        expect(jsonBytes(chunk)).toBeLessThanOrEqual(maxBytes);
        expect(chunk).toBe(wellFormed(chunk));
        for (let at = 0; at < chunk.length; ) {
          const end = unitEnd(chunk, at);
          expect(units.concat("\x1b[200~", "\x1b[201~")).toContain(chunk.slice(at, end));
          at = end;
        }
      }
    }
  });

  test("takes at least one unit", () => {
    expect(chunkEnd("\x1b[200~", 0, 2)).toBe(6);
  });
});

test("jsonBytes agrees with JSON.stringify", () => {
  const text = 'a"\\\b\f\n\r\t\0\x1b\x7fäß日😀\u2028';
  expect(jsonBytes(text)).toBe(new TextEncoder().encode(JSON.stringify(text)).length - 2);
});

test("wellFormed replaces lone surrogates only", () => {
  expect(wellFormed("a\ud83db😀\ude00c")).toBe("a\ufffdb😀\ufffdc");
});
