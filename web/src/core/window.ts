/**
 * The size of the window around the terminal, in characters, and whether anyone has said it yet.
 */

import { MAX_COLS, MAX_ROWS, MIN_COLS, MIN_ROWS } from "../protocol/generated.ts";

/** Columns and rows. */
export interface Size {
  cols: number;
  rows: number;
}

/** One page's window. */
export class Window {
  #size: Size;
  #known: boolean;

  constructor(size: Size | undefined) {
    this.#size = size ?? { cols: 80, rows: 24 };
    this.#known = size !== undefined;
  }

  get size(): Size {
    return this.#size;
  }

  /** Whether it is a size that somebody measured. */
  get known(): boolean {
    return this.#known;
  }

  /** Takes a size, within what terminals may have; whether it is another one. */
  resize(cols: number, rows: number): boolean {
    const size = { cols: clamp(cols, MIN_COLS, MAX_COLS), rows: clamp(rows, MIN_ROWS, MAX_ROWS) };
    this.#known = true;
    if (this.is(size)) return false;
    this.#size = size;
    return true;
  }

  is({ cols, rows }: Size): boolean {
    return cols === this.#size.cols && rows === this.#size.rows;
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.floor(value)));
}
