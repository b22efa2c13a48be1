// @vitest-environment jsdom
/**
 * The emulator never answers a program: on xterm.js as a page has it, as far as that goes without a screen.
 */

import headless from "@xterm/headless";
import { Terminal } from "@xterm/xterm";
import { describe, expect, test, vi } from "vitest";
import { onUserInput } from "../../src/xterm/queries.ts";

vi.hoisted(() => {
  // What jsdom lacks and xterm.js looks for as soon as it is loaded.
  HTMLCanvasElement.prototype.getContext = () => null;
  globalThis.matchMedia = (() => ({
    matches: false,
    addEventListener() {},
    removeEventListener() {},
    addListener() {},
    removeListener() {},
  })) as never;
});

/** Both have the same parser; only the one for pages reports the focus, and colours once it is on a screen. */
const KINDS = {
  page: () => new Terminal({ allowProposedApi: true, windowOptions: ALL_REPORTS }),
  headless: () => new headless.Terminal({ allowProposedApi: true, windowOptions: ALL_REPORTS }) as unknown as Terminal,
};
const ALL_REPORTS = { getWinSizePixels: true, getCellSizePixels: true, getWinSizeChars: true };

const write = (terminal: Terminal, text: string) => new Promise<void>((resolve) => terminal.write(text, resolve));

const QUESTIONS: Record<string, string> = {
  "primary attributes": "\x1b[c\x1b[0c",
  "secondary attributes": "\x1b[>c",
  "tertiary attributes": "\x1b[=c",
  status: "\x1b[5n",
  "cursor position": "\x1b[6n\x1b[?6n",
  "colour scheme": "\x1b[?996n",
  modes: "\x1b[4$p\x1b[?1$p\x1b[?2004$p\x1b[?2026$p",
  settings: '\x1bP$qm\x1b\\\x1bP$qr\x1b\\\x1bP$q q\x1b\\\x1bP$q"p\x1b\\',
  capabilities: "\x1bP+q544e\x1b\\",
  version: "\x1b[>q\x1b[>0q",
  keyboard: "\x1b[?u",
  parameters: "\x1b[x",
  "window size": "\x1b[14t\x1b[14;2t\x1b[16t\x1b[18t\x1b[19t\x1b[20t\x1b[21t",
  palette: "\x1b]4;1;?\x07\x1b]4;1;?;2;?\x1b\\",
  colours: "\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07\x1b]10;?;?;?\x07",
  enquiry: "\x05",
};

/** Those that this emulator answers at all when nobody keeps it from that, so that the test can fail. */
const ANSWERED: Record<keyof typeof KINDS, string[]> = {
  page: ["primary attributes", "secondary attributes", "status", "cursor position", "modes", "settings", "window size"],
  headless: [
    "primary attributes",
    "secondary attributes",
    "status",
    "cursor position",
    "modes",
    "settings",
    "window size",
  ],
};

describe.each(["page", "headless"] as const)("%s", (kind) => {
  test.each(ANSWERED[kind])("alone it would answer about %s", async (what) => {
    const terminal = KINDS[kind]();
    const said: string[] = [];
    terminal.onData((text) => said.push(text));
    await write(terminal, QUESTIONS[what] ?? "");
    expect(said).not.toEqual([]);
  });

  test.each(Object.keys(QUESTIONS))("it says nothing about %s", async (what) => {
    const terminal = KINDS[kind]();
    const said: string[] = [];
    onUserInput(terminal, (text) => said.push(text));
    await write(terminal, QUESTIONS[what] ?? "");
    // Nor after a full reset, with which snapshots begin.
    await write(terminal, `\x1bc${QUESTIONS[what]}`);
    terminal.reset();
    await write(terminal, QUESTIONS[what] ?? "");
    expect(said).toEqual([]);
    // What is no question still works, and what is typed still comes.
    await write(terminal, "\x1b[2;3Hok\x1b]10;#ffffff\x07\x1b[?2004h");
    expect(terminal.buffer.active.getLine(1)?.translateToString(true)).toBe("  ok");
    expect(terminal.modes.bracketedPasteMode).toBe(true);
    terminal.input("typed");
    expect(said).toEqual(["typed"]);
  });
});

test("the focus is reported when it changes, and not because a program wants to know", async () => {
  const terminal = KINDS.page();
  const alone: string[] = [];
  terminal.onData((text) => alone.push(text));
  const said: string[] = [];
  onUserInput(terminal, (text) => said.push(text));
  await write(terminal, "\x1b[?1000;1004h");
  expect(alone).toEqual(["\x1b[O"]);
  expect(said).toEqual([]);
  terminal.input("\x1b[I");
  terminal.input("\x1b[O");
  expect(said).toEqual(["\x1b[I", "\x1b[O"]);
});
