// @vitest-environment jsdom
/**
 * The emulator never answers queries of programs; with the xterm.js of pages and the headless one.
 */

import headless from "@xterm/headless";
import { Terminal } from "@xterm/xterm";
import { describe, expect, test, vi } from "vitest";
import { onUserInput } from "../../src/xterm/queries.ts";

vi.hoisted(() => {
  // jsdom lacks these, which xterm.js uses when it is loaded.
  HTMLCanvasElement.prototype.getContext = () => null;
  globalThis.matchMedia = (() => ({
    matches: false,
    addEventListener() {},
    removeEventListener() {},
    addListener() {},
    removeListener() {},
  })) as never;
});

/** Both have the same parser; only that for pages reports the focus. */
const KINDS = {
  page: () => new Terminal({ allowProposedApi: true, windowOptions: ALL_REPORTS }),
  headless: () => new headless.Terminal({ allowProposedApi: true, windowOptions: ALL_REPORTS }) as unknown as Terminal,
};
const ALL_REPORTS = { getWinSizePixels: true, getCellSizePixels: true, getWinSizeChars: true };

const write = (terminal: Terminal, text: string) => new Promise<void>((resolve) => terminal.write(text, resolve));

const QUERIES: Record<string, string> = {
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

/** The queries that the emulator itself answers, to prove that the test can fail. */
const ANSWERED = [
  "primary attributes",
  "secondary attributes",
  "status",
  "cursor position",
  "modes",
  "settings",
  "window size",
];

describe.each(["page", "headless"] as const)("%s", (kind) => {
  test.each(ANSWERED)("answers %s by itself", async (what) => {
    const terminal = KINDS[kind]();
    const replies: string[] = [];
    terminal.onData((text) => replies.push(text));
    await write(terminal, QUERIES[what] ?? "");
    expect(replies).not.toEqual([]);
  });

  test.each(Object.keys(QUERIES))("does not answer %s", async (what) => {
    const terminal = KINDS[kind]();
    const replies: string[] = [];
    onUserInput(terminal, (text) => replies.push(text));
    await write(terminal, QUERIES[what] ?? "");
    // Nor after a full reset, which starts a snapshot.
    await write(terminal, `\x1bc${QUERIES[what]}`);
    terminal.reset();
    await write(terminal, QUERIES[what] ?? "");
    expect(replies).toEqual([]);
    // Other sequences and user input still work.
    await write(terminal, "\x1b[2;3Hok\x1b]10;#ffffff\x07\x1b[?2004h");
    expect(terminal.buffer.active.getLine(1)?.translateToString(true)).toBe("  ok");
    expect(terminal.modes.bracketedPasteMode).toBe(true);
    terminal.input("typed");
    expect(replies).toEqual(["typed"]);
  });
});

test("focus changes are reported, but not when a program enables the reports", async () => {
  const terminal = KINDS.page();
  const alone: string[] = [];
  terminal.onData((text) => alone.push(text));
  const replies: string[] = [];
  onUserInput(terminal, (text) => replies.push(text));
  await write(terminal, "\x1b[?1000;1004h");
  expect(alone).toEqual(["\x1b[O"]);
  expect(replies).toEqual([]);
  terminal.input("\x1b[I");
  terminal.input("\x1b[O");
  expect(replies).toEqual(["\x1b[I", "\x1b[O"]);
});
