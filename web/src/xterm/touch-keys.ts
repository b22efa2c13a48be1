/**
 * Keys that a telephone's keyboard has not, and a Ctrl that stays down for the next character.
 */

import type { Terminal } from "@xterm/xterm";

/** One key of the row. */
export type TouchKey = "Escape" | "Tab" | "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

const ARROWS: Partial<Record<TouchKey, string>> = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D" };

/** What a key sends; full-screen programs may have asked for the other form of arrows. */
export function sequenceOf(key: TouchKey, applicationCursor: boolean, control: boolean): string {
  const arrow = ARROWS[key];
  if (arrow) return control ? `\x1b[1;5${arrow}` : applicationCursor ? `\x1bO${arrow}` : `\x1b[${arrow}`;
  return key === "Tab" ? "\t" : "\x1b";
}

/** The character with Ctrl held: `c` becomes 0x03. What Ctrl makes nothing of stays. */
export function controlled(text: string): string {
  const code = text.toUpperCase().charCodeAt(0);
  if (text.length !== 1) return text;
  if (code >= 0x40 && code <= 0x5f) return String.fromCharCode(code - 0x40);
  return text === " " ? "\0" : text;
}

/** The row's state for one terminal. */
export class TouchKeys {
  #control = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly changed: (control: boolean) => void,
  ) {}

  press(key: TouchKey): void {
    const { terminal } = this;
    // Through the emulator, so that it scrolls down as with any key.
    terminal.input(sequenceOf(key, terminal.modes.applicationCursorKeysMode, this.#take()));
  }

  /** Down for the next character, or up again. */
  toggleControl(): void {
    this.#set(!this.#control);
  }

  /** What was typed, with Ctrl where it was down. */
  typed(text: string): string {
    return text.length === 1 && this.#take() ? controlled(text) : text;
  }

  #take(): boolean {
    const was = this.#control;
    this.#set(false);
    return was;
  }

  #set(control: boolean): void {
    if (control === this.#control) return;
    this.#control = control;
    this.changed(control);
  }
}
