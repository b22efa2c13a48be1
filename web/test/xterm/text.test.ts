/**
 * The terminal as plain text.
 */

import headless from "@xterm/headless";
import type { Terminal } from "@xterm/xterm";
import { expect, test } from "vitest";
import { textOf } from "../../src/xterm/text.ts";

async function shown(output: string): Promise<string> {
  const terminal = new headless.Terminal({ cols: 10, rows: 4, scrollback: 100, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  return textOf(terminal as unknown as Terminal);
}

test("scrollback and screen, without colours", async () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
  expect(await shown(lines.map((line) => `\x1b[31m${line}\x1b[0m\r\n`).join(""))).toBe(`${lines.join("\n")}\n`);
});

test("a wrapped line is one line, with its spaces", async () => {
  expect(await shown("0123456  9abc\r\nnext")).toBe("0123456  9abc\nnext\n");
});

test("the alternate screen comes last", async () => {
  expect(await shown("before\r\n\x1b[?1049h\x1b[Hvim")).toBe(
    "before\n\n\n\n\nvim\n".replace(/\n+vim/, "\n\n\n\n\nvim"),
  );
});

test("an empty terminal has no text", async () => expect(await shown("")).toBe(""));
