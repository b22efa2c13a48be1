/**
 * Fingers on the terminal: a drag scrolls, with momentum; a long press selects under a loupe, or opens a menu where there
 * is no text; two fingers change the font. A tap stays a click.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import { type Cell, cellAt, hasText, lineHeight, selectCells, wordAt } from "./cells.ts";
import { Loupe } from "./loupe.ts";
import type { MenuHandlers } from "./menu.ts";
import { type Place, scrollLines } from "./scroll.ts";

/** Time without a movement after which a finger selects. */
const LONG_PRESS_MS = 500;
/** A finger that moved less than this has not moved, in pixels. */
const SLOP = 8;
/** Time in which momentum falls to a third. */
const DECAY_MS = 325;
/** Momentum below this ends, in pixels per ms. */
const MIN_SPEED = 0.02;
const MAX_SPEED = 6;
/** A finger that rested for this long before it was lifted leaves no momentum. */
const REST_MS = 60;

interface Finger extends Place {
  /** In ms. */
  time: number;
}

export interface GestureHandlers extends MenuHandlers {
  /** Two fingers ask for a font size, in pixels. Without it, they zoom the page. */
  onPinch?(pixels: number): void;
}

export class TouchGestures implements IDisposable {
  readonly #end = new AbortController();
  /** The finger when it came down, and when it last moved. */
  #first: Finger | undefined;
  #last: Finger | undefined;
  #mode: "none" | "scroll" | "select" | "menu" | "pinch" = "none";
  readonly #loupe: Loupe;
  /** Font size for each pixel between two fingers. */
  #pinch = 0;
  /** The word at which a selection began. */
  #word: [Cell, Cell] | undefined;
  /** Upwards, in pixels per ms. */
  #speed = 0;
  /** Pixels that are less than a line. */
  #rest = 0;
  #press: ReturnType<typeof setTimeout> | undefined;
  #frame: number | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly terminal: Terminal,
    private readonly handlers: GestureHandlers,
  ) {
    this.#loupe = new Loupe(element, terminal);
    const { signal } = this.#end;
    const listen = <K extends keyof HTMLElementEventMap>(name: K, act: (event: HTMLElementEventMap[K]) => void) =>
      element.addEventListener(name, act, { signal, capture: true, passive: false });
    listen("touchstart", (event) => this.#down(event));
    listen("touchmove", (event) => this.#move(event));
    listen("touchend", (event) => this.#up(event));
    listen("touchcancel", () => this.#stop());
    // A long press would open the browser's menu too.
    listen("contextmenu", (event) => {
      if (this.#first) event.preventDefault();
    });
  }

  dispose(): void {
    this.#end.abort();
    this.#stop();
  }

  #down(event: TouchEvent): void {
    // A finger on text that still moves only stops it.
    const moving = this.#frame !== undefined;
    this.#stop();
    const finger = fingerOf(event);
    if (event.touches.length === 2 && this.#mayPinch()) return this.#startPinch(event);
    if (event.touches.length !== 1 || !finger) return;
    this.#first = finger;
    this.#last = finger;
    if (moving) this.#mode = "scroll";
    else this.#press = setTimeout(() => this.#longPress(finger), LONG_PRESS_MS);
  }

  #move(event: TouchEvent): void {
    if (this.#mode === "pinch") {
      event.preventDefault();
      if (event.touches.length === 2) this.handlers.onPinch?.(this.#pinch * distanceOf(event));
      return;
    }
    const finger = fingerOf(event);
    const { first, last } = { first: this.#first, last: this.#last };
    if (!first || !last || !finger) return;
    if (event.touches.length !== 1) return this.#stop();
    const moved = Math.hypot(finger.clientX - first.clientX, finger.clientY - first.clientY);
    if (this.#mode === "none" && moved < SLOP) return;
    // Neither the page nor the browser scrolls.
    event.preventDefault();
    clearTimeout(this.#press);
    if (this.#mode === "menu") return;
    this.#last = finger;
    if (this.#mode === "select") return this.#selectTo(finger);
    this.#mode = "scroll";
    const up = last.clientY - finger.clientY;
    const speed = up / Math.max(1, finger.time - last.time);
    this.#speed = Math.min(MAX_SPEED, Math.max(-MAX_SPEED, 0.6 * speed + 0.4 * this.#speed));
    this.#scroll(up);
  }

  #up(event: TouchEvent): void {
    const { mode, last, speed } = { mode: this.#mode, last: this.#last, speed: this.#speed };
    if (mode !== "none" && event.cancelable) event.preventDefault();
    // Until the other finger is lifted too.
    if (mode === "pinch" && event.touches.length > 0) return;
    const rested = last !== undefined && event.timeStamp - last.time > REST_MS;
    this.#stop();
    if (mode !== "scroll" || !last || rested) return;
    this.#last = last;
    this.#glide(speed, event.timeStamp);
  }

  #longPress(finger: Finger): void {
    const { terminal, handlers } = this;
    const cell = cellAt(terminal, finger);
    if (!hasText(terminal, cell) && handlers.ownMenu?.() === true) {
      this.#mode = "menu";
      return handlers.onMenu?.(finger, "touch");
    }
    this.#mode = "select";
    this.#word = wordAt(terminal, cell);
    selectCells(terminal, this.#word);
    this.#loupe.show(cell, finger);
  }

  #selectTo(finger: Finger): void {
    const cell = cellAt(this.terminal, finger);
    selectCells(this.terminal, [...(this.#word ?? []), cell]);
    this.#loupe.show(cell, finger);
  }

  /** A font that follows another window's size is not the user's: then two fingers zoom the page. */
  #mayPinch(): boolean {
    return this.handlers.onPinch !== undefined && !this.element.hasAttribute("data-boxed");
  }

  #startPinch(event: TouchEvent): void {
    event.preventDefault();
    this.#mode = "pinch";
    this.#pinch = (this.terminal.options.fontSize ?? 0) / Math.max(1, distanceOf(event));
  }

  /** Goes on by itself. */
  #glide(speed: number, before: number): void {
    if (Math.abs(speed) < MIN_SPEED) {
      this.#frame = undefined;
      return;
    }
    this.#frame = requestAnimationFrame((now) => {
      const ms = Math.max(0, now - before);
      this.#scroll(speed * ms);
      this.#glide(speed * Math.exp(-ms / DECAY_MS), now);
    });
  }

  #scroll(pixels: number): void {
    const height = lineHeight(this.terminal);
    this.#rest += pixels;
    const lines = Math.trunc(this.#rest / height);
    this.#rest -= lines * height;
    if (this.#last) scrollLines(this.terminal, lines, this.#last);
  }

  #stop(): void {
    clearTimeout(this.#press);
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    this.#loupe.hide();
    this.#first = undefined;
    this.#last = undefined;
    this.#word = undefined;
    this.#mode = "none";
    this.#speed = 0;
    this.#rest = 0;
  }
}

function fingerOf({ touches, timeStamp }: TouchEvent): Finger | undefined {
  const touch = touches[0];
  return touch && { clientX: touch.clientX, clientY: touch.clientY, time: timeStamp };
}

/** The distance between two fingers, in pixels. */
function distanceOf({ touches: [one, other] }: TouchEvent): number {
  return one && other ? Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) : 0;
}
