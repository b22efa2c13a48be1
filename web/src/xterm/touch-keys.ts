/**
 * Keys that touch keyboards lack, and a sticky Ctrl for the next character.
 */

import type { Terminal } from "@xterm/xterm";

export type TouchKey = "Escape" | "Tab" | "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

const ARROWS: Partial<Record<TouchKey, string>> = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D" };

/** The bytes of a key; `applicationCursor` selects the form of arrows that full-screen programs use. */
export function sequenceOf(key: TouchKey, applicationCursor: boolean, control: boolean): string {
  const arrow = ARROWS[key];
  if (arrow) return control ? `\x1b[1;5${arrow}` : applicationCursor ? `\x1bO${arrow}` : `\x1b[${arrow}`;
  return key === "Tab" ? "\t" : "\x1b";
}

/** Applies Ctrl to a character: `c` becomes 0x03. Returns other text unchanged. */
export function withControl(text: string): string {
  const code = text.toUpperCase().charCodeAt(0);
  if (text.length !== 1) return text;
  if (code >= 0x40 && code <= 0x5f) return String.fromCharCode(code - 0x40);
  return text === " " ? "\0" : text;
}

export class TouchKeys {
  #control = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly changed: (control: boolean) => void,
  ) {}

  press(key: TouchKey): void {
    const { terminal } = this;
    // Through the emulator, which scrolls down as for any key.
    terminal.input(sequenceOf(key, terminal.modes.applicationCursorKeysMode, this.#takeControl()));
  }

  toggleControl(): void {
    this.#setControl(!this.#control);
  }

  /** Applies a sticky Ctrl to typed text. */
  transform(text: string): string {
    return text.length === 1 && this.#takeControl() ? withControl(text) : text;
  }

  #takeControl(): boolean {
    const was = this.#control;
    this.#setControl(false);
    return was;
  }

  #setControl(control: boolean): void {
    if (control === this.#control) return;
    this.#control = control;
    this.changed(control);
  }
}
