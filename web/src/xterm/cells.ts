/**
 * Cells below a finger, and the words in them.
 */

import type { Terminal } from "@xterm/xterm";
import type { Place } from "./scroll.ts";

/** A cell: `row` counts from the top of the scrollback. */
export interface Cell {
  col: number;
  row: number;
}

/** Height of a line in CSS pixels. */
export function lineHeight(terminal: Terminal): number {
  const height = screenOf(terminal)?.height ?? 0;
  return height > 0 ? height / terminal.rows : 1;
}

/** The cell at a place, or the nearest one. */
export function cellAt(terminal: Terminal, { clientX, clientY }: Place): Cell {
  const { cols, rows, buffer } = terminal;
  const screen = screenOf(terminal);
  if (!screen || screen.width === 0) return { col: 0, row: 0 };
  const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
  return {
    col: within((clientX - screen.left) / screen.width, cols),
    row: buffer.active.viewportY + within((clientY - screen.top) / screen.height, rows),
  };
}

/** The place of the cursor: the middle of its cell, or of the nearest one in view. */
export function cursorPlace(terminal: Terminal): Place {
  const { cols, rows, buffer } = terminal;
  const { cursorX, cursorY, baseY, viewportY } = buffer.active;
  const screen = screenOf(terminal);
  if (!screen) return { clientX: 0, clientY: 0 };
  const col = Math.min(cursorX, cols - 1);
  const row = Math.min(baseY + cursorY - viewportY, rows - 1);
  return {
    clientX: screen.left + ((col + 0.5) * screen.width) / cols,
    clientY: screen.top + ((row + 0.5) * screen.height) / rows,
  };
}

/** True if there is text in a cell. */
export function hasText({ buffer }: Pick<Terminal, "buffer">, { col, row }: Cell): boolean {
  const cell = buffer.active.getLine(row)?.getCell(col);
  // The second half of a wide character has no text of its own.
  return cell !== undefined && (cell.getWidth() === 0 || cell.getChars().trim() !== "");
}

/** The first and the last cell of the word around a cell; the cell itself where there is none. */
export function wordAt(terminal: Terminal, { col, row }: Cell): [Cell, Cell] {
  const isText = (at: number) => hasText(terminal, { col: at, row });
  let [first, last] = [col, col];
  if (isText(col)) {
    while (first > 0 && isText(first - 1)) first -= 1;
    while (last < terminal.cols - 1 && isText(last + 1)) last += 1;
  }
  return [
    { col: first, row },
    { col: last, row },
  ];
}

/** Selects all cells from the first to the last one, in any order. */
export function selectCells(terminal: Terminal, cells: readonly Cell[]): void {
  const places = cells.map(({ col, row }) => row * terminal.cols + col);
  const first = Math.min(...places);
  const { cols } = terminal;
  terminal.select(first % cols, Math.floor(first / cols), Math.max(...places) - first + 1);
}

function screenOf({ element }: Terminal): DOMRect | undefined {
  return element?.querySelector(".xterm-screen")?.getBoundingClientRect();
}
