/**
 * Clusters in mode 2027. `crates/vt/tests/differential` compares the page's terminal with the service's on random clusters;
 * `crates/vt/src/graphemes.rs` has the rules compared with those of Unicode.
 */

import { Terminal } from "@xterm/headless";
import { expect, test } from "vitest";
import { knownWidth } from "../../src/core/prediction/char-width.ts";
import { EmulatedScreen } from "../../src/xterm/emulated-screen.ts";
import { ShellReset } from "../../src/xterm/new-shell.ts";
import { GraphemeWidths, installWidths, TermgateWidths } from "../../src/xterm/widths.ts";

const ON = "\x1b[?2027h";
const FARMER = "👩\u200d🌾";

function open(cols = 20) {
  const terminal = new Terminal({ allowProposedApi: true, cols, rows: 4 });
  installWidths(terminal as never);
  const print = (text: string) => new Promise<void>((done) => terminal.write(text, done));
  const columns = async (text: string) => {
    await print(`\r${text}`);
    return terminal.buffer.active.cursorX;
  };
  return { terminal, print, columns };
}

test.each([
  [FARMER, 4, 2],
  ["👨\u200d👩\u200d👧\u200d👦", 8, 2],
  ["🇫🇷🇩🇪", 4, 4],
  ["👍🏽", 4, 2],
  ["❤\ufe0f", 1, 2],
  ["1\ufe0f\u20e3", 1, 2],
  ["a\ufe0f", 1, 1],
  ["⌚\ufe0e", 2, 2],
  ["e\u0301\u0302", 1, 1],
  ["ᄀ\u1161\u11a8", 2, 2],
  ["क\u094dष", 2, 1],
])("%s has %i columns, in mode 2027 %i", async (text, single, cluster) => {
  const { columns, print } = open();
  expect(await columns(text)).toBe(single);
  await print(ON);
  expect(await columns(text)).toBe(cluster);
  expect(await columns(`\x1b[?2027l${text}`)).toBe(single);
});

test("both resets end the mode, and so does another shell", async () => {
  const { terminal, columns, print } = open();
  const shell = new ShellReset(terminal as never);
  for (const reset of ["\x1bc", "\x1b[!p"]) {
    await print(`${ON}${reset}`);
    expect(await columns(FARMER)).toBe(4);
  }
  for (const what of ["full", "modes"] as const) {
    await print(ON);
    expect(await columns(FARMER)).toBe(2);
    shell.reset(what);
    expect(await columns(FARMER)).toBe(4);
  }
});

test("a cluster is one cell, which predictions and copies take as a whole", async () => {
  const { terminal, print } = open();
  await print(`${ON}a${FARMER}b`);
  const screen = new EmulatedScreen(terminal as never);
  expect([0, 1, 2, 3].map((col) => screen.text(0, col))).toEqual(["a", FARMER, "", "b"]);
  expect(terminal.buffer.active.getLine(0)?.translateToString(true, 1, 3)).toBe(FARMER);
});

test("an emoji that becomes too wide for its line goes to the next", async () => {
  const { terminal, print } = open(4);
  await print(`${ON}abc❤\ufe0f|`);
  const line = (row: number) => terminal.buffer.active.getLine(row)?.translateToString(true);
  expect([line(0), line(1)]).toEqual(["abc", "❤\ufe0f|"]);
});

test("keys shown before their echo take the same columns in both modes, and join nothing", () => {
  const [single, clusters] = [new TermgateWidths(), new GraphemeWidths()];
  const before = ["a", "漢", "한", "1", "é"].map((c) => clusters.charProperties(c.codePointAt(0) ?? 0, 0));
  const known = Array.from({ length: 0x10000 }, (_, code) => code).filter(
    (code) => knownWidth(String.fromCharCode(code)) !== undefined,
  );
  const joinsOrDiffers = (code: number) =>
    before.some((preceding) => (clusters.charProperties(code, preceding) & 7) !== single.wcwidth(code) << 1);
  expect(known.filter(joinsOrDiffers)).toEqual([]);
  expect(known.length).toBeGreaterThan(10_000);
});
