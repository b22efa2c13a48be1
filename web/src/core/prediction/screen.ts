/**
 * The emulator as predictions see it: they read it and never change it.
 */

/** A line that keeps its identity while output scrolls it. */
export interface FollowedLine {
  /** Its present number; negative once it is gone. */
  readonly line: number;
  dispose(): void;
}

export interface Screen {
  readonly cols: number;
  /** Lines count from the start of the scrollback, columns from 0. */
  readonly cursor: { readonly line: number; readonly col: number };
  /** The character in a cell: a space if it is empty, `""` in the second half of a wide one. */
  text(line: number, col: number): string;
  /** Follows the cursor's line. */
  follow(): FollowedLine;
}
