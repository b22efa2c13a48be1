/**
 * A small emulator: text, return, newline, backspace, and `CSI n D`, `CSI n C`, `CSI K`, `CSI H`, `CSI 2J`.
 */

import type { FollowedLine, Screen } from "../../src/core/index.ts";

export class TextScreen implements Screen {
  lines: string[][] = [[]];
  cursor = { line: 0, col: 0 };
  #followed = 0;

  constructor(readonly cols = 40) {}

  /** Lines that are followed and were not released. */
  get followed(): number {
    return this.#followed;
  }

  get content(): string {
    return this.lines
      .map((line) =>
        Array.from(line, (text) => text ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n");
  }

  text(line: number, col: number): string {
    return this.lines[line]?.[col] ?? " ";
  }

  follow(): FollowedLine {
    this.#followed += 1;
    let released = false;
    const dispose = () => {
      if (!released) this.#followed -= 1;
      released = true;
    };
    return { line: this.cursor.line, dispose };
  }

  write(output: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
    for (const [unit] of output.matchAll(/\x1b\[[0-9;?]*[a-zA-Z]|./gs)) this.#unit(unit);
  }

  #unit(unit: string): void {
    const { line, col } = this.cursor;
    const count = Number.parseInt(unit.slice(2), 10) || 1;
    if (unit === "\r") this.cursor = { line, col: 0 };
    else if (unit === "\n") this.#to(line + 1, col);
    else if (unit === "\b") this.#to(line, col - 1);
    else if (unit.startsWith("\x1b[")) {
      if (unit.endsWith("D")) this.#to(line, col - count);
      else if (unit.endsWith("C")) this.#to(line, col + count);
      else if (unit.endsWith("K")) this.lines[line]?.splice(col);
      else if (unit.endsWith("H")) this.#to(0, 0);
      else if (unit.endsWith("J")) this.lines = this.lines.map(() => []);
    } else if (unit >= " ") {
      if (col >= this.cols) this.#to(line + 1, 0);
      const { line: at, col: to } = this.cursor;
      const row = this.lines[at] ?? [];
      row[to] = unit;
      this.lines[at] = row;
      this.cursor = { line: at, col: to + 1 };
    }
  }

  #to(line: number, col: number): void {
    while (this.lines.length <= line) this.lines.push([]);
    this.cursor = { line, col: Math.min(Math.max(col, 0), this.cols - 1) };
  }
}
