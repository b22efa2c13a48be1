/**
 * The line under the cursor after each key that is on its way: what it would show, and where its cursor would be.
 */

import type { Key } from "./key.ts";
import type { FollowedLine, Screen } from "./screen.ts";

/** The effect of keys on the rest of the line, and on its start. */
export interface Editing {
  /** True if text behind the cursor is part of the line and moves; otherwise it may be a program's suggestion. */
  inserts: boolean;
  /** Leftmost column that keys reach. */
  start: number;
  /** True if keys that would go further do nothing; otherwise their effect is unknown. */
  stopsAtStart: boolean;
}

/** The line after some of the keys. */
export interface LineState {
  /** Text by column, only where keys changed it. */
  readonly cells: ReadonlyMap<number, string>;
  readonly cursor: number;
  /** True if the keys made a difference that no other effect would make by accident. */
  readonly telling: boolean;
}

/** The line before the first key, and after each one whose effect is known. */
export class PredictedLine {
  readonly states: LineState[];
  readonly #followed: FollowedLine;
  /** Text behind the cursor before the first key, cell by cell. */
  readonly #rest: string[];

  constructor(
    private readonly screen: Screen,
    private readonly editing: Editing,
  ) {
    this.#followed = screen.follow();
    this.states = [{ cells: new Map(), cursor: screen.cursor.col, telling: false }];
    const { line, col } = screen.cursor;
    this.#rest = Array.from({ length: Math.max(0, screen.cols - col) }, (_, at) => screen.text(line, col + at));
    while (this.#rest.at(-1) === " ") this.#rest.pop();
  }

  /** True if there is text behind the cursor, which may move or be replaced. */
  get isInside(): boolean {
    return this.#rest.length > 0;
  }

  /** Whether the first `count` keys, which are shown, have moved the text behind them; `undefined` if that is open. */
  hasMovedRest(count: number): boolean | undefined {
    const state = this.states[count];
    const typed = (state?.cursor ?? 0) - (this.states[0]?.cursor ?? 0);
    if (!state || !this.isInside || typed <= 0) return undefined;
    const shows = (rest: string[]) => rest.every((text, at) => this.screen.text(this.line, state.cursor + at) === text);
    if (!shows(this.#rest)) return false;
    return shows(this.#rest.slice(typed)) ? undefined : true;
  }

  /** The line's number; negative once it is gone. */
  get line(): number {
    return this.#followed.line;
  }

  /** Adds the state after one more key; false if that is not known. */
  apply(key: Key): boolean {
    const last = this.states.at(-1);
    const next = last && this.#after(last, key);
    if (next) this.states.push(next);
    return next !== undefined;
  }

  /** True if the emulator shows the line as it should be after `count` keys. */
  shows(count: number): boolean {
    const state = this.states[count];
    const { cursor } = this.screen;
    return state !== undefined && cursor.line === this.line && cursor.col === state.cursor && this.hasText(count);
  }

  /** The same without the cursor, which a further key may have moved. */
  hasText(count: number): boolean {
    const state = this.states[count];
    if (!state || this.line < 0) return false;
    for (const [col, text] of state.cells) {
      // A suggestion may fill what is empty.
      if (!this.editing.inserts && text === " ") continue;
      if (this.screen.text(this.line, col) !== text) return false;
    }
    return true;
  }

  dispose(): void {
    this.#followed.dispose();
  }

  #after(state: LineState, key: Key): LineState | undefined {
    const { cursor } = state;
    const { inserts, start, stopsAtStart } = this.editing;
    const atStart = cursor <= start;
    switch (key.kind) {
      case "character":
        return this.#typed(state, key.text, key.width);
      case "erase":
        if (atStart) return stopsAtStart ? state : undefined;
        return this.#erased(state, cursor - this.#widthBefore(state));
      case "left":
        if (atStart) return stopsAtStart ? state : undefined;
        return { ...state, cursor: cursor - this.#widthBefore(state) };
      case "right":
        // Behind what was typed, it may accept a suggestion.
        if (cursor >= this.#end(state)) return inserts ? state : undefined;
        return { ...state, cursor: cursor + (this.#text(state, cursor + 1) === "" ? 2 : 1) };
      default:
        return undefined;
    }
  }

  #typed(state: LineState, text: string, width: 1 | 2): LineState | undefined {
    const { cursor } = state;
    const end = this.editing.inserts ? this.#end(state) : cursor;
    // The last column stays free: emulators and programs differ in when a line wraps.
    if (Math.max(end, cursor) + width >= this.screen.cols) return undefined;
    const cells = new Map(state.cells);
    for (let col = end - 1; col >= cursor; col -= 1) cells.set(col + width, this.#text(state, col));
    cells.set(cursor, text);
    if (width === 2) cells.set(cursor + 1, "");
    const telling = state.telling || (text !== " " && this.#text(state, cursor) !== text);
    return { cells, cursor: cursor + width, telling };
  }

  #erased(state: LineState, to: number): LineState {
    const width = state.cursor - to;
    const end = this.editing.inserts ? this.#end(state) : state.cursor;
    const cells = new Map(state.cells);
    for (let col = state.cursor; col < end; col += 1) cells.set(col - width, this.#text(state, col));
    for (let col = end - width; col < end; col += 1) cells.set(col, " ");
    return { ...state, cells, cursor: to };
  }

  /** The column after the last character of the line. */
  #end(state: LineState): number {
    if (!this.editing.inserts) return Math.max(state.cursor - 1, ...state.cells.keys()) + 1;
    let end = this.screen.cols;
    while (end > state.cursor && this.#text(state, end - 1) === " ") end -= 1;
    return end;
  }

  #widthBefore(state: LineState): number {
    return state.cursor > 1 && this.#text(state, state.cursor - 1) === "" ? 2 : 1;
  }

  #text(state: LineState, col: number): string {
    return state.cells.get(col) ?? this.screen.text(this.line, col);
  }
}
