/**
 * The terminal as plain text: scrollback and screen, with wrapped lines joined.
 */

import type { IBuffer, Terminal } from "@xterm/xterm";

/** Scrollback and screen; below them the alternate screen, if a full-screen program runs. */
export function textOf(terminal: Pick<Terminal, "buffer">): string {
  const { normal, active } = terminal.buffer;
  const lines = linesIn(normal);
  if (active.type === "alternate") lines.push("", ...linesIn(active));
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}

function linesIn(buffer: IBuffer): string[] {
  return linesBetween(buffer, 0, buffer.length);
}

/** The rows from `first` up to `end`, which is not among them. */
export function linesBetween(buffer: IBuffer, first: number, end: number): string[] {
  const lines: string[] = [];
  for (let row = first; row < Math.min(end, buffer.length); row += 1) {
    const line = buffer.getLine(row);
    if (!line) continue;
    // A row that continues keeps its trailing spaces.
    const text = line.translateToString(!buffer.getLine(row + 1)?.isWrapped);
    if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines;
}
