/**
 * Marks the commands that people run at the shell's prompt: a bar at the left edge of each, by its exit code. Finds the way from
 * prompt to prompt, and the output of a command. Knows what the emulator still has, from its first page load on.
 */

import type { IDecoration, IDisposable, IMarker, ITerminalAddon, Terminal } from "@xterm/xterm";
import type { ShellCommand, TerminalClient } from "../core/index.ts";
import { linesBetween } from "./text.ts";

/** Commands that are marked; the oldest ones lose their marks. */
export const MAX_MARKS = 1000;

const COLOURS = { running: "#8b949e", succeeded: "#3fb950", failed: "#f85149" };

interface MarkedCommand {
  epoch: number;
  number: number;
  /** First line of the command line. */
  prompt: IMarker;
  /** First line of its output. */
  output: IMarker;
  /** The line below its output, once it has ended. */
  end?: IMarker;
  bar: IDecoration | undefined;
  colour: string;
  /** The tooltip of the bar. */
  title: string;
}

/** `terminal.loadAddon(new CommandMarks(client))`, before the `TermgateAddon` of the same terminal. */
export class CommandMarks implements ITerminalAddon {
  #terminal: Terminal | undefined;
  #commands: MarkedCommand[] = [];
  #disposables: IDisposable[] = [];

  constructor(private readonly client: TerminalClient) {}

  activate(terminal: Terminal): void {
    this.#terminal = terminal;
    this.client.wantCommands();
    const stop = this.client.onMessage((message) => {
      if (message.type !== "event" || message.kind !== "command") return;
      if (message.ended === undefined) this.#begin(terminal, message.epoch, message);
      else this.#end(terminal, message.epoch, message);
    });
    this.#disposables.push({ dispose: stop });
  }

  /** Scrolls to the prompt above or below what is seen; false if there is none, or a full-screen program runs. */
  jump(direction: "up" | "down"): boolean {
    const terminal = this.#terminal;
    if (terminal?.buffer.active.type !== "normal") return false;
    const { viewportY, baseY } = terminal.buffer.active;
    const lines = this.#commands.map(({ prompt }) => prompt.line).filter((line) => line >= 0);
    const next = direction === "up" ? lines.filter((line) => line < viewportY).at(-1) : below(lines, viewportY, baseY);
    if (next === undefined || next === viewportY) return false;
    terminal.scrollToLine(next);
    return true;
  }

  /** The output of the command at a line, counted from the top of the scrollback; where there is none, of the last that has ended. */
  outputAt(row: number): string | undefined {
    const buffer = this.#terminal?.buffer.normal;
    const ended = this.#commands.filter(({ end }) => end && end.line >= 0);
    const command = ended.findLast(({ prompt, end }) => prompt.line <= row && row < (end?.line ?? 0)) ?? ended.at(-1);
    if (!buffer || !command?.end) return undefined;
    return linesBetween(buffer, Math.max(0, command.output.line), command.end.line).join("\n");
  }

  #begin(terminal: Terminal, epoch: number, { number, began }: ShellCommand): void {
    const { active } = terminal.buffer;
    if (active.type !== "normal") return;
    const at = active.baseY + active.cursorY;
    let first = Math.max(0, at - 1);
    while (first > 0 && active.getLine(first)?.isWrapped) first -= 1;
    const prompt = terminal.registerMarker(first - at);
    const output = terminal.registerMarker(0);
    // A terminal without a page draws nothing.
    const bar = terminal.registerDecoration?.({ marker: prompt, width: 1 });
    const title = `Runs since ${timeOf(began)}`;
    const command: MarkedCommand = { epoch, number, prompt, output, bar, colour: COLOURS.running, title };
    bar?.onRender((element) => paint(element, command));
    this.#commands.push(command);
    if (this.#commands.length > MAX_MARKS) forget(this.#commands.shift());
  }

  #end(terminal: Terminal, epoch: number, { number, began, ended, exitCode }: ShellCommand): void {
    const { active } = terminal.buffer;
    const command = this.#commands.findLast((known) => known.epoch === epoch && known.number === number);
    if (!command || active.type !== "normal") return;
    command.end = terminal.registerMarker(active.cursorX > 0 ? 1 : 0);
    const seconds = ((ended ?? began) - began) / 1000;
    command.colour = exitCode === 0 ? COLOURS.succeeded : COLOURS.failed;
    command.title = `Exit code ${exitCode ?? "unknown"}, after ${seconds} s, at ${timeOf(ended ?? began)}`;
    if (command.bar?.element) paint(command.bar.element, command);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    for (const command of this.#commands) forget(command);
    this.#disposables = [];
    this.#commands = [];
  }
}

/** The next prompt below the first line that is seen, or the end; the view cannot go further. */
function below(lines: readonly number[], viewportY: number, baseY: number): number {
  return Math.min(lines.find((line) => line > viewportY) ?? baseY, baseY);
}

function paint(element: HTMLElement, { colour, title }: MarkedCommand): void {
  element.title = title;
  Object.assign(element.style, { width: "2px", background: colour });
}

function forget(command: MarkedCommand | undefined): void {
  // The bar goes with its marker.
  for (const marker of [command?.prompt, command?.output, command?.end]) marker?.dispose();
}

function timeOf(ms: number): string {
  return new Date(ms).toLocaleTimeString();
}
