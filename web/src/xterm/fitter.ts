/**
 * Fits the terminal to its element. A controller's window sets the session's size; for a viewer, the session's size
 * sets the font.
 */

import type { FitAddon } from "@xterm/addon-fit";
import type { IDisposable, Terminal } from "@xterm/xterm";
import type { TerminalClient } from "../core/index.ts";
import { type Box, boundFont, fontThatFits, smaller } from "./letterbox.ts";

/** Debounce of a window that is being resized. */
const RESIZE_DELAY_MS = 80;
/** Width that xterm.js reserves for its scroll bar, in pixels. */
const SCROLL_BAR_WIDTH = 14;

/** Resolves once the element has a size, without which an emulator cannot measure its cells. */
export function hasSize(element: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (isEmpty(element)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(element);
  });
}

export class TerminalFitter implements IDisposable {
  readonly #observer: ResizeObserver;
  readonly #stops: Array<() => void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wasEmpty = false;
  /** True during a layout, whose resize events must not start another one. */
  #inLayout = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly terminal: Terminal,
    private readonly fit: FitAddon,
    private readonly client: TerminalClient,
    /** The font size that the user chose, in pixels. */
    private font: number,
    /** Told whether the terminal has the size of this window. */
    private readonly fits: (fits: boolean) => void,
  ) {
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(element);
    let { role, status } = client.state;
    const followState = () => {
      if (client.state.role === role && client.state.status === status) return;
      ({ role, status } = client.state);
      this.#layout(false);
    };
    // A size that the service has just set must not be set back, even before it reports whose window counts.
    const resize = terminal.onResize(() => this.#layout(false));
    this.#stops = [client.subscribe(followState), () => resize.dispose()];
  }

  /** Sets the font size, in pixels. */
  setFont(pixels: number): void {
    this.font = boundFont(pixels);
    this.layout();
  }

  /** Fits the terminal to its element, if that has a size. */
  layout(): void {
    this.#layout(true);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    for (const stop of this.#stops) stop();
  }

  /** `changed`: the window or the font has changed. */
  #layout(changed: boolean): void {
    if (this.#inLayout || isEmpty(this.element)) return;
    this.#inLayout = true;
    try {
      if (this.client.state.role !== "controller") {
        this.fits(true);
        this.#box();
      } else this.#fill(changed);
    } finally {
      this.#inLayout = false;
    }
  }

  /** Fills the element with characters. While connected, the service applies the size at its place in the output. */
  #fill(changed: boolean): void {
    const { terminal } = this;
    this.#setFont(this.font);
    const size = this.fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
    if (this.client.state.status === "connected") this.client.resize(size.cols, size.rows);
    else if (changed) terminal.resize(size.cols, size.rows);
    this.fits(terminal.cols === size.cols && terminal.rows === size.rows);
    // The session may have the size of another controller's larger window.
    if (terminal.cols > size.cols || terminal.rows > size.rows) this.#box();
    else this.#frame(undefined);
  }

  /** Shrinks the font until the grid fits. */
  #box(): void {
    const { terminal, element } = this;
    const box = { width: element.clientWidth - SCROLL_BAR_WIDTH, height: element.clientHeight };
    const grid = { width: terminal.cols, height: terminal.rows };
    const drawn = this.#drawn();
    if (!drawn) return;
    const cell = { width: drawn.width / grid.width, height: drawn.height / grid.height };
    const font = terminal.options.fontSize ?? this.font;
    let next: number | undefined = fontThatFits(box, grid, cell, font);
    while (next !== undefined) {
      this.#setFont(next);
      const now = this.#drawn();
      if (!now || (now.width <= box.width && now.height <= box.height)) break;
      next = smaller(next);
    }
    this.#frame(this.#drawn());
  }

  /** Centers a terminal that is smaller than its element. */
  #frame(drawn: Box | undefined): void {
    const { element } = this.terminal;
    if (!element) return;
    const { style } = element;
    this.element.toggleAttribute("data-boxed", drawn !== undefined);
    style.width = drawn ? `${drawn.width + SCROLL_BAR_WIDTH}px` : "";
    style.height = drawn ? `${drawn.height}px` : "";
    style.marginInline = drawn ? "auto" : "";
    style.marginTop = drawn ? `${Math.max(0, (this.element.clientHeight - drawn.height) / 2)}px` : "";
  }

  #drawn(): Box | undefined {
    const screen = this.terminal.element?.querySelector<HTMLElement>(".xterm-screen");
    if (!screen || isEmpty(screen)) return undefined;
    const { width, height } = screen.getBoundingClientRect();
    return { width, height };
  }

  #setFont(pixels: number): void {
    if (this.terminal.options.fontSize !== pixels) this.terminal.options.fontSize = pixels;
  }

  #resized(): void {
    clearTimeout(this.#timer);
    const empty = isEmpty(this.element);
    // Shown again: before the next paint.
    if (this.#wasEmpty && !empty) this.layout();
    else if (!empty) this.#timer = setTimeout(() => this.layout(), RESIZE_DELAY_MS);
    this.#wasEmpty = empty;
  }
}

function isEmpty(element: HTMLElement): boolean {
  return element.clientWidth < 1 || element.clientHeight < 1;
}
