/**
 * The right mouse button: opens the page's own menu in place of the browser's. With Shift the browser's opens as ever; a
 * program that reads the mouse gets the button itself, and neither menu covers what it does.
 */

import type { Terminal } from "@xterm/xterm";
import { cellAt, hasText, selectCells, wordAt } from "./cells.ts";
import type { Place } from "./scroll.ts";

/** How a menu was asked for. A finger leaves the focus, and with it the touch keyboard, where it is. */
export type MenuCause = "mouse" | "keyboard" | "touch";

export interface MenuHandlers {
  /** True to open the page's own menu. */
  ownMenu?(): boolean;
  /** Opens it at a place: of the pointer, of a finger, or of the cursor. */
  onMenu?(at: Place, cause: MenuCause): void;
}

/** The returned function stops it. Fingers are the business of the gestures. */
export function openMenuByMouse(element: HTMLElement, terminal: Terminal, handlers: MenuHandlers): () => void {
  const open = (event: MouseEvent) => {
    const byTouch = "pointerType" in event && event.pointerType === "touch";
    if (event.shiftKey || byTouch || handlers.ownMenu?.() !== true) return;
    event.preventDefault();
    // The emulator would move its text field under the pointer, for the browser's menu.
    event.stopPropagation();
    if (terminal.modes.mouseTrackingMode !== "none") return;
    const cell = cellAt(terminal, event);
    if (terminal.options.rightClickSelectsWord && !terminal.hasSelection() && hasText(terminal, cell))
      selectCells(terminal, wordAt(terminal, cell));
    handlers.onMenu?.(event, "mouse");
  };
  element.addEventListener("contextmenu", open, { capture: true });
  return () => element.removeEventListener("contextmenu", open, { capture: true });
}
