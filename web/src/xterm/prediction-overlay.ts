/**
 * Draws predicted text above the cells of the terminal, with the cursor behind it. An element of its own, so that the
 * emulator's buffer, and with it selection, search and copies, never contain what may be wrong.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import type { PredictedText } from "../core/index.ts";
import { styleOf } from "./cell-style.ts";
import { textOf } from "./emulated-screen.ts";

/** Above the cells and the decorations, below the scroll bar. */
const LAYER = "8";
const CURSOR_MODE = 25;
/** Cursors by half of the parameter of DECSCUSR. */
const CURSORS = ["block", "block", "underline", "bar"] as const;

export class PredictionOverlay implements IDisposable {
  readonly #element: HTMLElement;
  readonly #disposables: IDisposable[];
  #shown: PredictedText | undefined;
  #cursorHidden = false;
  /** The cursor that the program selected. */
  #cursor: (typeof CURSORS)[number] | undefined;

  constructor(private readonly terminal: Terminal) {
    this.#element = document.createElement("div");
    this.#element.className = "termgate-prediction";
    this.#element.setAttribute("aria-hidden", "true");
    const position = { position: "absolute", pointerEvents: "none", whiteSpace: "pre", overflow: "hidden" };
    Object.assign(this.#element.style, position, { zIndex: LAYER, fontKerning: "none" });
    const { parser } = terminal;
    const showCursor = (modes: (number | number[])[], hidden: boolean) => {
      if (modes.includes(CURSOR_MODE)) this.#cursorHidden = hidden;
      return false;
    };
    this.#disposables = [
      parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => showCursor(modes, false)),
      parser.registerCsiHandler({ prefix: "?", final: "l" }, (modes) => showCursor(modes, true)),
      parser.registerCsiHandler({ intermediates: " ", final: "q" }, ([style]) => {
        this.#cursor = style === 0 ? undefined : CURSORS[Math.ceil(Number(style) / 2)];
        return false;
      }),
      terminal.onRender(() => this.#draw()),
      terminal.onScroll(() => this.#draw()),
    ];
  }

  display(text: PredictedText | undefined): void {
    if (!text && !this.#shown) return;
    this.#shown = text;
    this.#draw();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#element.remove();
  }

  #draw(): void {
    const text = this.#shown;
    const { terminal } = this;
    const screen = terminal.element?.querySelector<HTMLElement>(".xterm-screen");
    const row = text ? text.line - terminal.buffer.active.viewportY : -1;
    if (!text || !screen || row < 0 || row >= terminal.rows) return this.#element.remove();
    const { cursorX, baseY, cursorY } = terminal.buffer.active;
    // Covers the emulator's own cursor.
    const own = baseY + cursorY === text.line ? cursorX : text.cursor;
    const columns = [own, text.cursor, ...text.cells.keys()];
    const first = Math.min(...columns);
    const last = Math.min(Math.max(...columns), terminal.cols - 1);
    const cell = { width: sizeOf(screen, "width") / terminal.cols, height: sizeOf(screen, "height") / terminal.rows };
    const { fontFamily, fontSize } = terminal.options;
    Object.assign(this.#element.style, {
      ...{ left: `${first * cell.width}px`, top: `${row * cell.height}px`, height: `${cell.height}px` },
      ...{ lineHeight: `${cell.height}px`, fontFamily, fontSize: `${fontSize}px` },
      width: `${(last - first + 1) * cell.width}px`,
    });
    const cells: HTMLElement[] = [];
    for (let col = first; col <= last; col += 1) cells.push(...this.#cell(text, col, cell.width));
    this.#element.replaceChildren(...cells);
    if (this.#element.parentElement !== screen) screen.append(this.#element);
  }

  #cell(text: PredictedText, col: number, width: number): HTMLElement[] {
    const { terminal } = this;
    const theme = terminal.options.theme ?? {};
    const actual = terminal.buffer.active.getLine(text.line)?.getCell(col);
    const predicted = text.cells.get(col);
    const shown = predicted ?? textOf(actual);
    // The second half of a wide character.
    if (shown === "") return [];
    const wide = predicted !== undefined ? text.cells.get(col + 1) === "" : actual?.getWidth() === 2;
    const element = document.createElement("span");
    element.textContent = shown;
    const style = styleOf(predicted === undefined ? actual : undefined, theme);
    const underlined = text.underlined && predicted !== undefined && predicted !== " ";
    Object.assign(element.style, style, {
      ...{ display: "inline-block", verticalAlign: "top", width: `${wide ? 2 * width : width}px`, height: "100%" },
      ...(underlined && { textDecoration: "underline" }),
    });
    if (col === text.cursor && !this.#cursorHidden) this.#drawCursor(element);
    return [element];
  }

  #drawCursor({ style }: HTMLElement): void {
    const { theme, cursorStyle } = this.terminal.options;
    const color = theme?.cursor ?? "#fff";
    const kind = this.#cursor ?? cursorStyle;
    if (kind === "bar") style.boxShadow = `inset 1px 0 ${color}`;
    else if (kind === "underline") style.boxShadow = `inset 0 -1px ${color}`;
    else Object.assign(style, { background: color, color: theme?.cursorAccent ?? "#000", opacity: "1" });
  }
}

/** A size in pixels; xterm.js sets it, with fractions. */
function sizeOf(screen: HTMLElement, side: "width" | "height"): number {
  return Number.parseFloat(screen.style[side]) || (side === "width" ? screen.clientWidth : screen.clientHeight);
}
