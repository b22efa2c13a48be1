/**
 * The model of a wall: the sessions of the class and their screens, put together from the news of the service. Pure.
 * Everything in it is text to be shown as text.
 */

import type { Tile, WallFrame, WallNews, WallSession } from "../../protocol/generated.ts";

/** A line of a screen: its text, and the style of each piece. */
export type WallLine = readonly [text: string, runs: ReadonlyArray<readonly [number, number, number, number]>];

/** The screen of one session; replaced by every change, and its lines only by their own. */
export interface WallScreen {
  readonly cols: number;
  readonly rows: number;
  /** Column and row, from 0. */
  readonly cursor: readonly [number, number] | undefined;
  readonly lines: readonly WallLine[];
  /** Time of the screen, in ms since 1970. */
  readonly at: number;
}

const EMPTY: WallLine = ["", []];

export class WallModel {
  /** By id. */
  readonly sessions = new Map<string, WallSession>();
  /** By id. */
  readonly screens = new Map<string, WallScreen>();
  /** Number of the last update that is complete; 0 before the first. */
  v = 0;
  /** The update whose parts are arriving, and the next part. */
  #open = { v: 0, part: 1 };
  /** Sessions that a full update has named so far. */
  #named: Set<string> | undefined;

  /** True if a frame is the next one; otherwise, something before it was lost. */
  expects({ v, part, full }: WallFrame): boolean {
    if (part > 1) return v === this.#open.v && part === this.#open.part;
    return full === true || v === this.v + 1;
  }

  /** Applies an expected frame. Returns true if it completes an update. */
  apply(frame: WallFrame, news: WallNews): boolean {
    const { v, part, parts, full } = frame;
    if (part === 1) this.#named = full ? new Set() : undefined;
    this.#open = { v, part: part + 1 };
    for (const session of news.sessions ?? []) {
      this.sessions.set(session.id, session);
      this.#named?.add(session.id);
    }
    for (const tile of news.tiles ?? []) this.#draw(tile);
    for (const id of news.gone ?? []) this.#forget(id);
    if (part < parts) return false;
    if (this.#named) {
      for (const id of [...this.sessions.keys()]) if (!this.#named.has(id)) this.#forget(id);
    }
    this.v = v;
    return true;
  }

  #forget(id: string): void {
    this.sessions.delete(id);
    this.screens.delete(id);
  }

  #draw({ id, at, cols, rows, cursor, lines }: Tile): void {
    const before = this.screens.get(id);
    const same = before && before.cols === cols && before.rows === rows;
    const drawn = same ? [...before.lines] : Array<WallLine>(rows).fill(EMPTY);
    for (const [row, text, runs] of lines) if (row < rows) drawn[row] = [text, runs];
    this.screens.set(id, { cols, rows, cursor: cursor ?? undefined, lines: drawn, at });
  }
}
