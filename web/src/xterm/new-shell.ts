/**
 * Prepares the emulator for a new shell: it keeps the old one's text, and nothing else that its programs set.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import { GRAPHEMES_OFF } from "./widths.ts";

/** CAN ends an unfinished sequence or character. */
const CANCEL = "\x18";
/**
 * To the main screen; a soft reset; mouse reports, bracketed paste, synchronized output, line feed mode and scroll
 * region off.
 */
const MODES = "\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016l\x1b[?2004;2026l\x1b[20l\x1b[r";
/** The palette, foreground, background and cursor of the theme: no reset of the emulator restores them. */
const COLOURS = "\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\";
/** The mode in which a program overrides the option `cursorBlink`. */
const BLINK_MODE = 12;

export class ShellReset {
  readonly disposables: IDisposable[];
  /** The option `cursorBlink` before a program changed it. */
  #cursorBlink: boolean | undefined;

  constructor(private readonly terminal: Terminal) {
    const remember = (modes: ReadonlyArray<number | number[]>) => {
      if (modes.includes(BLINK_MODE)) this.#cursorBlink ??= terminal.options.cursorBlink ?? false;
      return false;
    };
    this.disposables = ["h", "l"].map((final) => terminal.parser.registerCsiHandler({ prefix: "?", final }, remember));
  }

  /** Resets everything; or all but the text, and puts the cursor below it. */
  reset(what: "full" | "modes"): void {
    const { terminal } = this;
    if (what === "full") {
      terminal.reset();
      terminal.write(`${GRAPHEMES_OFF}${COLOURS}`);
    } else {
      terminal.write(`${CANCEL}${MODES}${COLOURS}${tabStops(terminal.cols)}\x1b[${lastRow(terminal)};1H\r\n`);
    }
    if (this.#cursorBlink === undefined) return;
    terminal.options.cursorBlink = this.#cursorBlink;
    this.#cursorBlink = undefined;
  }
}

/** Sets a tab stop in every eighth column. */
function tabStops(cols: number): string {
  const columns = Array.from({ length: Math.ceil(cols / 8) }, (_, at) => at * 8 + 1);
  return `\x1b[3g${columns.map((column) => `\x1b[${column}G\x1bH`).join("")}`;
}

/** The lowest row of the screen that contains text, from 1. */
function lastRow({ buffer: { normal }, rows }: Terminal): number {
  let row = rows;
  while (row > 1 && !normal.getLine(normal.baseY + row - 1)?.translateToString(true)) row -= 1;
  return row;
}
