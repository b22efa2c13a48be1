/**
 * An xterm.js terminal, with or without a page, as predictions see it.
 */

import type { IBufferCell, IMarker, Terminal } from "@xterm/xterm";
import type { FollowedLine, Screen } from "../core/index.ts";

/** The parts of a terminal that it needs. */
export interface EmulatorBuffer extends Pick<Terminal, "buffer" | "cols"> {
  registerMarker(offset: number): IMarker | undefined;
}

export class EmulatedScreen implements Screen {
  constructor(private readonly terminal: EmulatorBuffer) {}

  get cols(): number {
    return this.terminal.cols;
  }

  get cursor(): { line: number; col: number } {
    const { baseY, cursorX, cursorY } = this.terminal.buffer.active;
    return { line: baseY + cursorY, col: cursorX };
  }

  text(line: number, col: number): string {
    return textOf(this.terminal.buffer.active.getLine(line)?.getCell(col));
  }

  follow(): FollowedLine {
    const { active } = this.terminal.buffer;
    const marker = active.type === "normal" ? this.terminal.registerMarker(0) : undefined;
    // Nothing scrolls out of the alternate screen.
    return marker ?? { line: this.cursor.line, dispose: () => {} };
  }
}

/** The character in a cell: a space if it is empty or absent, `""` in the second half of a wide one. */
export function textOf(cell: IBufferCell | undefined): string {
  return cell?.getWidth() === 0 ? "" : cell?.getChars() || " ";
}
