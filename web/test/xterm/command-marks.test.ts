/**
 * Marks of the shell's commands, with a headless xterm.js.
 */

import headless from "@xterm/headless";
import type { IDecoration, Terminal } from "@xterm/xterm";
import { expect, test, vi } from "vitest";
import { TermgateAddon } from "../../src/xterm/addon.ts";
import { CommandMarks, MAX_MARKS } from "../../src/xterm/command-marks.ts";
import { Harness } from "../support/harness.ts";

/** A bar as xterm.js makes it, drawn at once. */
interface Bar {
  element: { title: string; style: Record<string, string> };
}

function opened() {
  const harness = new Harness();
  const terminal = new headless.Terminal({ cols: 20, rows: 4, scrollback: 2000, allowProposedApi: true });
  const bars: Bar[] = [];
  const registerDecoration = () => {
    const element = { title: "", style: {} };
    bars.push({ element });
    const onRender = (draw: (element: unknown) => void) => draw(element);
    return { element, onRender, dispose() {} } as unknown as IDecoration;
  };
  const page = Object.assign(terminal, { registerDecoration }) as unknown as Terminal;
  const marks = new CommandMarks(harness.client);
  marks.activate(page);
  new TermgateAddon(harness.client).activate(page);
  harness.open();
  harness.attached({ cols: 20, rows: 4 });
  let pos = 0;
  const print = (text: string) => {
    harness.output(pos, text);
    pos += text.length;
  };
  const tell = (fields: object) => {
    harness.event(pos, { kind: "command", began: 1000, ...fields });
    pos += 1;
  };
  let number = 0;
  /** A prompt, a line, its output, and the end. */
  const run = (line: string, output: string, exitCode = 0) => {
    number += 1;
    print(`$ ${line}\r\n`);
    tell({ number, line });
    print(output);
    tell({ number, ended: 3500, exitCode });
  };
  const parsed = () => new Promise<void>((resolve) => terminal.write("", resolve));
  return { harness, terminal, marks, bars, print, tell, run, parsed };
}

test("the service is asked for the event", () => {
  expect(opened().harness.socket.of("attach")).toMatchObject([{ commands: true }]);
});

test("a bar tells by its colour and its title how a command has ended", async () => {
  const { bars, run, print, tell, parsed } = opened();
  run("true", "");
  run("false", "", 1);
  print("$ sleep 9\r\n");
  tell({ number: 3, line: "sleep 9" });
  await parsed();
  await vi.waitFor(() => expect(bars).toHaveLength(3));
  const colours = bars.map(({ element }) => element.style.background);
  expect(new Set(colours).size).toBe(3);
  expect(bars[0]?.element.title).toMatch(/^Exit code 0, after 2.5 s, at /);
  expect(bars[1]?.element.title).toMatch(/^Exit code 1/);
  expect(bars[2]?.element.title).toMatch(/^Runs since/);
});

test("the output of a command is what stands between its line and the next prompt", async () => {
  const { marks, run, parsed } = opened();
  expect(marks.outputAt(0)).toBeUndefined();
  run("echo one", "one\r\ntwo\r\n");
  run("printf x", `${"x".repeat(25)}`);
  await parsed();
  await vi.waitFor(() => expect(marks.outputAt(0)).toBe("one\ntwo"));
  expect(marks.outputAt(1)).toBe("one\ntwo");
  await vi.waitFor(() => expect(marks.outputAt(4)).toBe("x".repeat(25)));
  expect(marks.outputAt(90)).toBe("x".repeat(25));
});

test("jumps go from prompt to prompt, and no further", async () => {
  const { marks, run, terminal, parsed } = opened();
  expect(marks.jump("up")).toBe(false);
  for (let count = 0; count < 3; count += 1) run("seq 6", "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n");
  await parsed();
  await vi.waitFor(() => expect(terminal.buffer.active.baseY).toBe(18));
  const view = () => terminal.buffer.active.viewportY;
  const seen = [];
  while (marks.jump("up")) seen.push(view());
  expect(seen).toEqual([14, 7, 0]);
  expect([marks.jump("down"), view()]).toEqual([true, 7]);
  expect([marks.jump("down"), view()]).toEqual([true, 14]);
  expect([marks.jump("down"), view()]).toEqual([true, 18]);
  expect(marks.jump("down")).toBe(false);
  await new Promise<void>((resolve) => terminal.write("\x1b[?1049h", resolve));
  expect(marks.jump("up")).toBe(false);
});

test("a long command line is marked where it begins, and marks are bounded", async () => {
  const { marks, run, terminal, parsed } = opened();
  run(`echo ${"y".repeat(50)}`, "out\r\n");
  await parsed();
  await vi.waitFor(() => expect(marks.outputAt(0)).toBe("out"));
  for (let count = 0; count < MAX_MARKS + 5; count += 1) run("x", "");
  await parsed();
  await vi.waitFor(() => expect(terminal.markers.length).toBe(3 * MAX_MARKS), { timeout: 20_000 });
  marks.dispose();
  expect(terminal.markers).toHaveLength(0);
});
