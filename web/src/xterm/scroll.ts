/**
 * Scrolls by lines as the program in front wants it: the scrollback, arrow keys for a full-screen program, or the wheel
 * for one that reads the mouse.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import { sequenceOf } from "./touch-keys.ts";

/** A place in the window, in CSS pixels. */
export interface Place {
  clientX: number;
  clientY: number;
}

/** Scrolls by whole lines, down if positive. */
export function scrollLines(terminal: Terminal, lines: number, at: Place): void {
  if (lines === 0) return;
  if (terminal.modes.mouseTrackingMode !== "none") return turnWheel(terminal, lines, at);
  if (terminal.buffer.active.type === "alternate") sendArrows(terminal, lines);
  else terminal.scrollLines(lines);
}

/** Types an arrow key once a line: a full-screen program without the mouse scrolls by these. */
export function sendArrows(terminal: Terminal, lines: number): void {
  const arrow = sequenceOf(lines < 0 ? "ArrowUp" : "ArrowDown", terminal.modes.applicationCursorKeysMode);
  terminal.input(arrow.repeat(Math.abs(lines)));
}

/**
 * Lets the wheel scroll a full-screen program without the mouse by as many lines as it was turned: the emulator itself
 * types one arrow key for each event.
 */
export function scrollByWheel(terminal: Terminal, lineHeight: () => number): void {
  let rest = 0;
  terminal.attachCustomWheelEventHandler((event) => {
    const { deltaY, deltaMode, ctrlKey, shiftKey } = event;
    const inProgram = terminal.buffer.active.type === "alternate" && terminal.modes.mouseTrackingMode === "none";
    if (!inProgram || deltaY === 0 || ctrlKey || shiftKey) return true;
    const pixels = deltaMode === WheelEvent.DOM_DELTA_PIXEL;
    const unit = pixels ? 1 / lineHeight() : deltaMode === WheelEvent.DOM_DELTA_PAGE ? terminal.rows : 1;
    rest = Math.sign(rest) === -Math.sign(deltaY) ? deltaY * unit : rest + deltaY * unit;
    const lines = Math.trunc(rest);
    rest -= lines;
    event.preventDefault();
    if (lines !== 0) sendArrows(terminal, lines);
    return false;
  });
}

/**
 * Lets the view follow output again where the scrollback above it is erased: there is nothing left to look at, and the
 * emulator would stay where it was scrolled to.
 */
export function followAfterErase(terminal: Terminal): IDisposable[] {
  const ERASE_SCROLLBACK = 3;
  return [{ final: "J" }, { prefix: "?", final: "J" }].map((id) =>
    terminal.parser.registerCsiHandler(id, ([what]) => {
      if (what === ERASE_SCROLLBACK) terminal.scrollToBottom();
      return false;
    }),
  );
}

/** Parts of xterm.js without a public interface. */
interface Viewport {
  /** Takes the sizes of the window and of a line. */
  _sync(): void;
  /** Goes to a place in pixels. The public methods count from the last place, with the old height of its lines. */
  scrollToLine(line: number, atOnce: boolean): void;
}

/**
 * Keeps the view at the end over a change of size. A hidden emulator takes neither the new height of its window nor that of
 * a line for scrolling: it would be above the end when it is shown, and a key typed then would not bring it there.
 */
export function followAfterResize(terminal: Terminal): void {
  let follow: IDisposable | undefined;
  terminal.onResize(() => {
    const { viewportY, baseY } = terminal.buffer.active;
    if (follow || viewportY !== baseY) return;
    // At once, or when it is shown again.
    follow = terminal.onRender(() => {
      follow?.dispose();
      follow = undefined;
      // The emulator itself scrolls at the end of this frame.
      queueMicrotask(() => {
        const { _core: core } = terminal as unknown as { _core: { _viewport?: Viewport } };
        core._viewport?._sync();
        core._viewport?.scrollToLine(terminal.buffer.active.baseY, true);
      });
    });
  });
}

/** One report for each line. */
function turnWheel({ element }: Terminal, lines: number, { clientX, clientY }: Place): void {
  const deltaY = Math.sign(lines);
  for (let left = Math.abs(lines); left > 0; left -= 1) {
    const init = { deltaY, deltaMode: WheelEvent.DOM_DELTA_LINE, clientX, clientY, cancelable: true };
    element?.dispatchEvent(new WheelEvent("wheel", init));
  }
}
