/**
 * Keys that touch keyboards lack or hide, and a sticky Ctrl and Alt for the next key.
 */

import type { Terminal } from "@xterm/xterm";

/** Keys whose sequence ends with a letter. */
const LETTERS = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" } as const;
/** Keys whose sequence is a number. */
const NUMBERS = { PageUp: 5, PageDown: 6 } as const;
const SINGLE = { Escape: "\x1b", Tab: "\t" } as const;

export type TouchKey = keyof typeof LETTERS | keyof typeof NUMBERS | keyof typeof SINGLE;

/** Modifiers that apply to the next key. */
export interface Modifiers {
  control: boolean;
  alt: boolean;
}

const NONE: Modifiers = { control: false, alt: false };

/** The bytes of a key; `applicationCursor` selects the form of cursor keys that full-screen programs use. */
export function sequenceOf(key: TouchKey, applicationCursor: boolean, { control, alt }: Modifiers = NONE): string {
  const modifier = 1 + (alt ? 2 : 0) + (control ? 4 : 0);
  if (key in SINGLE) return (alt ? "\x1b" : "") + SINGLE[key as keyof typeof SINGLE];
  if (key in NUMBERS) {
    const number = NUMBERS[key as keyof typeof NUMBERS];
    return modifier > 1 ? `\x1b[${number};${modifier}~` : `\x1b[${number}~`;
  }
  const letter = LETTERS[key as keyof typeof LETTERS];
  return modifier > 1 ? `\x1b[1;${modifier}${letter}` : `\x1b${applicationCursor ? "O" : "["}${letter}`;
}

/** Applies Ctrl to a character: `c` becomes 0x03. Returns other text unchanged. */
export function withControl(text: string): string {
  const code = text.toUpperCase().charCodeAt(0);
  if (text.length !== 1) return text;
  if (code >= 0x40 && code <= 0x5f) return String.fromCharCode(code - 0x40);
  return text === " " ? "\0" : text;
}

export class TouchKeys {
  #held = NONE;

  constructor(
    private readonly terminal: Terminal,
    private readonly changed: (held: Modifiers) => void,
    /** Types what an input method still composes, which comes first. */
    private readonly flush: () => void = () => {},
  ) {}

  /** True if a modifier applies to the next key. */
  get modified(): boolean {
    return this.#held.control || this.#held.alt;
  }

  press(key: TouchKey): void {
    const { terminal } = this;
    this.flush();
    // Through the emulator, which scrolls down as for any key.
    terminal.input(sequenceOf(key, terminal.modes.applicationCursorKeysMode, this.#take()));
  }

  /** Types a character, to which the modifiers apply. */
  type(character: string): void {
    this.flush();
    this.terminal.input(character);
  }

  toggle(modifier: keyof Modifiers): void {
    this.flush();
    this.#set({ ...this.#held, [modifier]: !this.#held[modifier] });
  }

  /** Applies sticky modifiers to typed text. */
  transform(text: string): string {
    if (text.length !== 1) return text;
    const { control, alt } = this.#take();
    return (alt ? "\x1b" : "") + (control ? withControl(text) : text);
  }

  #take(): Modifiers {
    const held = this.#held;
    this.#set(NONE);
    return held;
  }

  #set(held: Modifiers): void {
    if (held.control === this.#held.control && held.alt === this.#held.alt) return;
    this.#held = held;
    this.changed(held);
  }
}
