/**
 * Keeps the terminal as large as its element. A controller's window decides over the session's size; a viewer's never does: there
 * the session's size decides over the font, and what is left of the window stays empty.
 */

import type { FitAddon } from "@xterm/addon-fit";
import type { IDisposable, Terminal } from "@xterm/xterm";
import type { TerminalClient } from "../core/index.ts";
import { type Box, boundFont, fontThatFits, smaller } from "./letterbox.ts";

/** A window that is being dragged reports a size per frame; only where it comes to rest counts. */
const SETTLE_MS = 80;
/** What xterm.js keeps free for its scroll bar, in pixels. */
const SCROLL_BAR = 14;

/** Resolves once the element has a size: an emulator that is opened without one measures nothing. */
export function sized(element: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (isEmpty(element)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(element);
  });
}

/** For one terminal, from its first size on. */
export class Fitting implements IDisposable {
  readonly #observer: ResizeObserver;
  readonly #stops: Array<() => void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wasEmpty = false;
  #busy = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly terminal: Terminal,
    private readonly fit: FitAddon,
    private readonly client: TerminalClient,
    /** What the person wants, in pixels. */
    private font: number,
  ) {
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(element);
    let { role, status } = client.state;
    const follow = () => {
      if (client.state.role === role && client.state.status === status) return;
      ({ role, status } = client.state);
      this.#layout(false);
    };
    // What the service has just set is not set back, even if it has not said yet whose window counts.
    const size = terminal.onResize(() => this.#layout(false));
    this.#stops = [client.subscribe(follow), () => size.dispose()];
  }

  /** The size of a font that somebody asks for. */
  setFont(pixels: number): void {
    this.font = boundFont(pixels);
    this.layout();
  }

  /** Fits the terminal to its element; while the element has no size, nothing. */
  layout(): void {
    this.#layout(true);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    for (const stop of this.#stops) stop();
  }

  /** `changed`: the window or the font is another one. */
  #layout(changed: boolean): void {
    if (this.#busy || isEmpty(this.element)) return;
    // What is done here says so to whom it listens to.
    this.#busy = true;
    try {
      if (this.client.state.role === "viewer") this.#box();
      else this.#fill(changed);
    } finally {
      this.#busy = false;
    }
  }

  /** As many characters as there is room for. While connected, they come when the service says so, at their place in the output. */
  #fill(changed: boolean): void {
    const { terminal } = this;
    this.#setFont(this.font);
    const size = this.fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
    if (this.client.state.status === "connected") this.client.resize(size.cols, size.rows);
    else if (changed) terminal.resize(size.cols, size.rows);
    // Another controller's window may be the one that counts, and larger than this.
    if (terminal.cols > size.cols || terminal.rows > size.rows) this.#box();
    else this.#frame(undefined);
  }

  #box(): void {
    const { terminal, element } = this;
    const box = { width: element.clientWidth - SCROLL_BAR, height: element.clientHeight };
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

  /** Around a terminal that is smaller than its element, the rest is left and right of it, and below and above. */
  #frame(drawn: Box | undefined): void {
    const { element } = this.terminal;
    if (!element) return;
    const { style } = element;
    this.element.toggleAttribute("data-boxed", drawn !== undefined);
    style.width = drawn ? `${drawn.width + SCROLL_BAR}px` : "";
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
    // Shown again: at once, before it is painted.
    if (this.#wasEmpty && !empty) this.layout();
    else if (!empty) this.#timer = setTimeout(() => this.layout(), SETTLE_MS);
    this.#wasEmpty = empty;
  }
}

function isEmpty(element: HTMLElement): boolean {
  return element.clientWidth < 1 || element.clientHeight < 1;
}
