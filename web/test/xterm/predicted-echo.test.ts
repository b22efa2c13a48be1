/**
 * Predicted echo between a client and a headless xterm.js.
 */

import headless from "@xterm/headless";
import { describe, expect, test, vi } from "vitest";
import type { PredictedText, PredictMode } from "../../src/core/index.ts";
import { colorOf } from "../../src/xterm/cell-style.ts";
import { PredictedEcho } from "../../src/xterm/predicted-echo.ts";
import { EPOCH, Harness } from "../support/harness.ts";

const PROMPT = { prompt: true, ackSeq: 0 };

/** A terminal that shows a prompt. */
async function atPrompt(mode: PredictMode, fields: object = {}) {
  const harness = new Harness();
  const terminal = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  const texts: Array<PredictedText | undefined> = [];
  const display = (text: PredictedText | undefined) => void texts.push(text);
  const echo = new PredictedEcho(terminal, harness.client, () => mode, display, harness.clock);
  harness.client.attach({
    write: (bytes, parsed) => terminal.write(bytes, parsed),
    reset: () => terminal.reset(),
    resize: (cols, rows) => terminal.resize(cols, rows),
    progress: (progress) => echo.progress(progress),
  });
  harness.open();
  harness.attached({ tty: { echo: false, canonical: false }, ...fields });
  harness.output(0, "$ ", PROMPT);
  await vi.waitFor(() => expect(terminal.buffer.active.cursorX).toBe(2));
  await new Promise((resolve) => terminal.write("", () => resolve(undefined)));
  const shown = () => [...(texts.at(-1)?.cells.values() ?? [])].join("");
  return { harness, terminal, echo, shown };
}

describe("at a prompt", () => {
  test("a key shows until its echo is parsed, and the buffer never holds it before", async () => {
    const { harness, terminal, echo, shown } = await atPrompt("always");
    echo.type("l");
    expect([shown(), terminal.buffer.active.getLine(0)?.translateToString(true)]).toEqual(["l", "$ "]);
    harness.output(2, "l", { ackSeq: 1 });
    await vi.waitFor(() => expect(shown()).toBe(""));
    expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe("$ l");
  });

  test("a second key waits for company only because it shows", async () => {
    for (const [mode, sent] of [
      ["always", ["l"]],
      ["never", ["l", "s"]],
    ] as const) {
      const { harness, echo } = await atPrompt(mode);
      for (const key of "ls") echo.type(key);
      expect(harness.socket.of("input").map((input) => ("data" in input ? input.data : ""))).toEqual(sent);
    }
  });

  test("an acknowledgement without output removes a key", async () => {
    const { harness, echo, shown } = await atPrompt("always");
    echo.type("l");
    harness.socket.receive({ type: "input_ack", epoch: EPOCH, head: 2, ackSeq: 1 });
    await vi.waitFor(() => expect(shown()).toBe(""));
  });

  test("nothing shows for a viewer, without a connection, or after a reset", async () => {
    const viewer = await atPrompt("always", { role: "viewer" });
    viewer.echo.type("l");
    expect(viewer.shown()).toBe("");
    const lost = await atPrompt("always");
    lost.harness.socket.end();
    lost.echo.type("l");
    expect(lost.shown()).toBe("");
    const reset = await atPrompt("always");
    reset.echo.type("l");
    reset.echo.reset();
    expect(reset.shown()).toBe("");
  });
});

test("colours of the palette, of the cube, greys and direct ones", () => {
  const theme = { red: "#f00" };
  expect([1, 16, 231, 232, 255].map((value) => colorOf(value, false, theme))).toEqual([
    ...["#f00", "rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgb(8, 8, 8)", "rgb(238, 238, 238)"],
  ]);
  expect(colorOf(0x01_02_03, true, theme)).toBe("#010203");
});
