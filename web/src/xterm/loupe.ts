/**
 * Magnifies the cells below a finger that selects, since the finger covers them.
 */

import type { Terminal } from "@xterm/xterm";
import type { Cell } from "./cells.ts";
import type { Place } from "./scroll.ts";

/** Cells that are shown on each side of the one below the finger. */
const NEIGHBOURS = 6;
const SCALE = 1.8;
/** Distance from the finger, and from the edges of the window, in pixels. */
const GAP = 36;
const EDGE = 8;

const STYLE =
  "position:fixed;inset:auto;margin:0;z-index:9;width:max-content;padding:4px 10px;overflow:hidden;white-space:pre;" +
  "border:1px solid var(--tg-line,#888);border-radius:8px;box-shadow:0 4px 16px rgb(0 0 0 / 40%);pointer-events:none";

export class Loupe {
  #shown: HTMLElement | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly terminal: Terminal,
  ) {}

  show(cell: Cell, { clientX, clientY }: Place): void {
    this.#shown ??= this.#open();
    const loupe = this.#shown;
    const { theme, fontFamily, fontSize } = this.terminal.options;
    const colours = { background: theme?.background ?? "#000", color: theme?.foreground ?? "#fff" };
    Object.assign(loupe.style, { ...colours, fontFamily, fontSize: `${(fontSize ?? 14) * SCALE}px` });
    const [before, below, after] = around(this.terminal, cell);
    const mark = document.createElement("span");
    mark.textContent = below;
    Object.assign(mark.style, { background: colours.color, color: colours.background });
    loupe.replaceChildren(before, mark, after);
    const { width, height } = loupe.getBoundingClientRect();
    // The marked cell is above the finger.
    const left = clientX - mark.offsetLeft - mark.offsetWidth / 2;
    const above = clientY - GAP - height;
    loupe.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
    loupe.style.top = `${above >= EDGE ? above : clientY + GAP}px`;
  }

  hide(): void {
    this.#shown?.remove();
    this.#shown = undefined;
  }

  #open(): HTMLElement {
    const loupe = document.createElement("div");
    loupe.className = "termgate-loupe";
    loupe.setAttribute("aria-hidden", "true");
    loupe.style.cssText = STYLE;
    // As the tooltip of links.
    loupe.popover = "manual";
    this.element.append(loupe);
    loupe.showPopover?.();
    return loupe;
  }
}

/** The text before a cell, in it and after it; blanks where there is none, so that the text does not jump. */
export function around({ buffer }: Pick<Terminal, "buffer">, { col, row }: Cell): [string, string, string] {
  const line = buffer.active.getLine(row);
  // The first half of a wide character has its text.
  const middle = line?.getCell(col)?.getWidth() === 0 ? col - 1 : col;
  const text = (from: number, to: number) => {
    let shown = "";
    for (let at = from; at < to; at += 1) {
      const cell = line?.getCell(at);
      if (cell?.getWidth() !== 0) shown += cell?.getChars() || " ";
    }
    return shown;
  };
  return [text(middle - NEIGHBOURS, middle), text(middle, middle + 1), text(middle + 1, middle + 1 + NEIGHBOURS)];
}
