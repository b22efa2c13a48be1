/**
 * The addon with a headless xterm.js.
 */

import headless from "@xterm/headless";
import type { Terminal } from "@xterm/xterm";
import { describe, expect, test, vi } from "vitest";
import { MAX_ACK_DELAY_MS } from "../../src/protocol/generated.ts";
import { TermgateAddon } from "../../src/xterm/addon.ts";
import { themeColours } from "../../src/xterm/theme-colours.ts";
import { EPOCH, Harness } from "../support/harness.ts";

function connected(fields: object = {}) {
  const harness = new Harness();
  const terminal = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  const addon = new TermgateAddon(harness.client);
  // The headless terminal has the parts of the interface that the addon uses.
  addon.activate(terminal as unknown as Terminal);
  harness.open();
  harness.attached(fields);
  const type = (text: string) => terminal.input(text);
  return { harness, terminal, addon, type };
}

/** Resolves once everything written so far is parsed. */
function parsed(terminal: InstanceType<typeof headless.Terminal>): Promise<void> {
  return new Promise((resolve) => terminal.write("", resolve));
}

const line = (terminal: InstanceType<typeof headless.Terminal>, row: number) =>
  terminal.buffer.active.getLine(row)?.translateToString(true);

describe("output", () => {
  test("is decoded correctly if a character is split", async () => {
    const { harness, terminal } = connected();
    const bytes = new TextEncoder().encode("日本");
    for (const [pos, end] of [
      [0, 4],
      [4, 6],
    ] as const) {
      const b64 = btoa(String.fromCharCode(...bytes.slice(pos, end)));
      harness.socket.receive({ type: "output", epoch: EPOCH, pos, len: end - pos, b64 });
    }
    // The emulator may parse in several steps.
    await vi.waitFor(() => expect(line(terminal, 0)).toBe("日本"));
  });

  test("is acknowledged only after the terminal has parsed it", async () => {
    const { harness, terminal } = connected();
    harness.output(0, "x".repeat(70_000));
    expect(harness.socket.of("ack")).toEqual([]);
    await parsed(terminal);
    await parsed(terminal);
    harness.clock.advance(MAX_ACK_DELAY_MS);
    expect(harness.acks).toEqual([65_536, 70_000]);
  });

  test("applies a size between the bytes around it, and does not send it back", async () => {
    const { harness, terminal } = connected();
    harness.output(0, `${"a".repeat(40)}\r\n`);
    harness.event(42, { kind: "size", cols: 20, rows: 10 });
    harness.output(43, "b".repeat(30));
    await vi.waitFor(() => expect(line(terminal, 3)).toBe("bbbbbbbbbb"));
    expect([terminal.cols, terminal.rows]).toEqual([20, 10]);
    expect(harness.socket.of("resize")).toEqual([]);
  });

  test("of a new shell starts below that of the old one, with its modes reset", async () => {
    const { harness, terminal } = connected();
    const start = "old\x1b[?1000h\x1b[?2004h\x1b[?25l";
    harness.output(0, start);
    await vi.waitFor(() => expect(terminal.modes.mouseTrackingMode).toBe("vt200"));
    harness.output(start.length, "er");
    harness.error("STALE_EPOCH");
    harness.attached({ epoch: EPOCH + 1 });
    harness.output(0, "new", { epoch: EPOCH + 1 } as object);
    const text = () =>
      Array.from({ length: terminal.buffer.active.length }, (_, row) => line(terminal, row)).filter(Boolean);
    await vi.waitFor(() => expect(text()).toEqual(["older", "new"]));
    expect(terminal.modes).toMatchObject({ mouseTrackingMode: "none", bracketedPasteMode: false });
  });

  test("of a new shell inherits neither colours nor tab stops, cursor, line feed mode or half a sequence", async () => {
    const { harness, terminal } = connected();
    const restored: number[] = [];
    for (const command of [104, 110, 111, 112])
      terminal.parser.registerOscHandler(command, (data) => data === "" && restored.push(command) === 0);
    const set =
      "\x1b]4;1;#010203\x07\x1b]10;#010203\x07\x1b]11;#010203\x07\x1b]12;#010203\x07\x1b[3g\x1b[?12h\x1b[20h\x1b[?2026h";
    harness.output(0, set);
    await vi.waitFor(() => expect(terminal.options.convertEol).toBe(true));
    expect(terminal.options.cursorBlink).toBe(true);
    harness.output(set.length, "old\x1b]2;half");
    harness.error("STALE_EPOCH");
    harness.attached({ epoch: EPOCH + 1 });
    harness.output(0, "\tnew", { epoch: EPOCH + 1 } as object);
    await vi.waitFor(() => expect(line(terminal, 1)).toBe("        new"));
    expect(restored).toEqual([104, 110, 111, 112]);
    expect(terminal.options).toMatchObject({ cursorBlink: false, convertEol: false });
    expect(terminal.modes.synchronizedOutputMode ?? false).toBe(false);
  });
});

test("history for a late terminal starts on an empty screen", async () => {
  const { harness, terminal, addon } = connected();
  harness.output(0, "shown ".repeat(10_000));
  addon.dispose();
  new TermgateAddon(harness.client).activate(terminal as unknown as Terminal);
  harness.attached();
  harness.output(0, "history");
  await vi.waitFor(() => expect(line(terminal, 0)).toBe("history"));
  expect(line(terminal, 1)).toBe("");
});

describe("input", () => {
  test("is sent unchanged", () => {
    const { harness, type } = connected();
    type("\x1b[A");
    type("ü😀");
    expect(harness.socket.of("input").map((input) => "data" in input && input.data)).toEqual(["\x1b[A", "ü😀"]);
  });

  test("includes a size that the page sets", () => {
    const { harness, terminal } = connected();
    terminal.resize(100, 30);
    expect(harness.socket.of("resize")).toMatchObject([{ cols: 100, rows: 30 }]);
  });
});

test("a full snapshot resets the terminal, even after an unfinished sequence", async () => {
  for (const cut of ["\x1b[3", "\x1b]0;title", "\x1bP$q", "\xe6\x97"]) {
    const { harness, terminal } = connected();
    const titles: string[] = [];
    terminal.onTitleChange((title) => titles.push(title));
    const b64 = btoa(`${"old\r\n".repeat(100)}\x1b[?1049h${cut}`);
    harness.socket.receive({ type: "output", epoch: EPOCH, pos: 0, len: atob(b64).length, b64 });
    const part = { type: "snapshot", epoch: EPOCH, id: 1, parts: 1, part: 1, cols: 40, rows: 10, skipped: 0 };
    harness.socket.receive({ ...part, pos: 9000, scope: "full", data: "\x1bcnew\x1b[?2004h" });
    await vi.waitFor(() => expect(line(terminal, 0)).toBe("new"));
    expect([terminal.cols, terminal.rows, terminal.buffer.active.type]).toEqual([40, 10, "normal"]);
    expect(terminal.buffer.active.length).toBe(10);
    expect(terminal.modes.bracketedPasteMode).toBe(true);
    expect(titles).toEqual([]);
  }
});

test("a snapshot of the screen keeps the scrollback", async () => {
  const { harness, terminal } = connected();
  const old = "old\r\n".repeat(100);
  harness.output(0, old);
  await vi.waitFor(() => expect(terminal.buffer.active.baseY).toBe(77));
  const part = { type: "snapshot", epoch: EPOCH, id: 1, parts: 1, part: 1, cols: 80, rows: 24, skipped: 0 };
  harness.socket.receive({ ...part, pos: 9000, scope: "screen", data: "\x1b[H\x1b[2Jnew" });
  await vi.waitFor(() => expect(line(terminal, terminal.buffer.active.baseY)).toBe("new"));
  expect(terminal.buffer.active.baseY).toBe(77);
  expect(line(terminal, 0)).toBe("old");
});

test("a disposed addon forwards nothing", async () => {
  const { harness, terminal, addon, type } = connected();
  addon.dispose();
  type("a");
  harness.output(0, "late");
  await parsed(terminal);
  expect(harness.socket.of("input")).toEqual([]);
  expect(line(terminal, 0)).toBe("");
});

test("the colours of the emulator are told with the attach, and each change once", () => {
  const { harness } = connected();
  const theme = themeColours();
  expect(harness.socket.of("attach")).toMatchObject([{ theme }]);
  expect(harness.socket.of("theme")).toEqual([]);
  harness.client.setTheme(themeColours({ background: "#ffffff" }));
  harness.client.setTheme(themeColours({ background: "#ffffff" }));
  expect(harness.socket.of("theme")).toMatchObject([{ seq: 1, theme: { ...theme, background: "#ffffff" } }]);
  // The next attach has the latest.
  harness.error("STALE_EPOCH");
  expect(harness.socket.of("attach").at(-1)).toMatchObject({ theme: { background: "#ffffff" } });
});

test("a viewer tells no change of colours", () => {
  const { harness } = connected({ role: "viewer" });
  harness.client.setTheme(themeColours({ background: "#ffffff" }));
  expect(harness.socket.of("theme")).toEqual([]);
});
