/**
 * The size of the window around the terminal, in characters.
 */

import { MAX_COLS, MAX_ROWS, MIN_COLS, MIN_ROWS } from "../protocol/generated.ts";

export interface Size {
  cols: number;
  rows: number;
}

export class WindowSize {
  #size: Size;
  #known: boolean;

  constructor(size: Size | undefined) {
    this.#size = size ?? { cols: 80, rows: 24 };
    this.#known = size !== undefined;
  }

  get size(): Size {
    return this.#size;
  }

  /** False while the size is the default. */
  get known(): boolean {
    return this.#known;
  }

  /** Sets the size, clamped to what terminals support; true if it changed. */
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

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.floor(value)));
}
