/**
 * Draws a screen of the wall: text nodes in spans, from cells that the service has made plain. No emulator, so that no
 * escape sequence of a student can do anything; and only lines that changed are touched.
 */

import type { WallLine, WallScreen } from "../../core/index.ts";

/** Attributes of a run, as `shared_protocol::wall::flags` has them. */
const BOLD = 1;
const DIM = 2;
const ITALIC = 4;
const UNDERLINE = 8;
const STRIKE = 16;
const INVERSE = 32;
const CELL = 64;
const WIDE = 128;
/** Marks a colour as red, green and blue. */
const RGB = 0x1000000;

/** The colour as CSS; `undefined` for the default. The first sixteen are the theme's. */
export function cssColour(colour: number): string | undefined {
  if (colour === 0) return undefined;
  if (colour >= RGB) return `#${(colour - RGB).toString(16).padStart(6, "0")}`;
  const number = colour - 1;
  if (number < 16) return `var(--tg-colour-${number})`;
  if (number >= 232) return `rgb(${Array(3).fill(8 + (number - 232) * 10)})`;
  const level = (part: number) => (part === 0 ? 0 : 55 + part * 40);
  const cube = number - 16;
  return `rgb(${level(Math.floor(cube / 36))},${level(Math.floor(cube / 6) % 6)},${level(cube % 6)})`;
}

/** A line's content: plain text, or spans. */
export function drawLine([text, runs]: WallLine): Node[] {
  if (runs.length === 0) return [document.createTextNode(text)];
  let at = 0;
  return runs.map(([length, foreground, background, flags]) => {
    const piece = text.slice(at, at + length);
    at += length;
    const span = document.createElement("span");
    span.textContent = piece;
    style(span.style, foreground, background, flags);
    return span;
  });
}

/** Through the object model, which a strict policy of the page allows. */
function style(css: CSSStyleDeclaration, foreground: number, background: number, flags: number): void {
  const [text, behind] = [cssColour(foreground), cssColour(background)];
  const inverse = (flags & INVERSE) !== 0;
  const colour = inverse ? (behind ?? "var(--tg-wall-bg)") : text;
  const fill = inverse ? (text ?? "var(--tg-wall-text)") : behind;
  if (colour) css.color = colour;
  if (fill) css.backgroundColor = fill;
  if (flags & BOLD) css.fontWeight = "bold";
  if (flags & DIM) css.opacity = "0.6";
  if (flags & ITALIC) css.fontStyle = "italic";
  const lines = [flags & UNDERLINE && "underline", flags & STRIKE && "line-through"].filter(Boolean);
  if (lines.length > 0) css.textDecorationLine = lines.join(" ");
  if (flags & (CELL | WIDE)) {
    css.display = "inline-block";
    css.width = flags & WIDE ? "2ch" : "1ch";
    css.overflow = "hidden";
    css.verticalAlign = "top";
  }
}

/** One screen in the page. */
export class ScreenView {
  #shown: WallScreen | undefined;
  readonly #cursor = document.createElement("span");

  constructor(private readonly root: HTMLElement) {
    this.#cursor.className = "tg-wall-cursor";
    this.#cursor.ariaHidden = "true";
  }

  show(screen: WallScreen): void {
    const before = this.#shown;
    this.#shown = screen;
    if (before?.cols !== screen.cols || before.rows !== screen.rows) {
      this.root.style.setProperty("--tg-cols", String(screen.cols));
      this.root.style.setProperty("--tg-rows", String(screen.rows));
      const lines = screen.lines.map(() => {
        const line = document.createElement("div");
        line.className = "tg-wall-line";
        return line;
      });
      this.root.replaceChildren(...lines, this.#cursor);
    }
    screen.lines.forEach((line, row) => {
      if (before?.rows === screen.rows && before.cols === screen.cols && before.lines[row] === line) return;
      (this.root.children[row] as HTMLElement).replaceChildren(...drawLine(line));
    });
    const { cursor } = screen;
    this.#cursor.hidden = cursor === undefined;
    if (cursor) {
      this.#cursor.style.left = `${cursor[0]}ch`;
      this.#cursor.style.top = `${cursor[1]}lh`;
    }
  }
}
