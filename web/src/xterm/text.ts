/**
 * The terminal as plain text: scrollback and screen, lines that were wrapped joined again.
 */

import type { IBuffer, Terminal } from "@xterm/xterm";

/** Everything that can be scrolled to; while a full-screen program runs, its screen below that. */
export function textOf(terminal: Pick<Terminal, "buffer">): string {
  const { normal, active } = terminal.buffer;
  const lines = linesIn(normal);
  if (active.type === "alternate") lines.push("", ...linesIn(active));
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}

function linesIn(buffer: IBuffer): string[] {
  const lines: string[] = [];
  for (let row = 0; row < buffer.length; row += 1) {
    const line = buffer.getLine(row);
    if (!line) continue;
    // A row that goes on keeps its spaces.
    const text = line.translateToString(!buffer.getLine(row + 1)?.isWrapped);
    if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines;
}
