/**
 * An emulator that writes down what it is given, and parses when the test says so.
 */

import type { TerminalSink } from "../../src/core/index.ts";

/** `journal` holds what happened, in order: text, `reset full`, `size 80x24`. */
export class RecordingSink implements TerminalSink {
  readonly journal: string[] = [];
  /** Parse at once; otherwise `parse` does. */
  eager = true;
  #waiting: Array<{ text: string; parsed: () => void }> = [];

  /** Lengths of what was written and not parsed. */
  get waiting(): number[] {
    return this.#waiting.map(({ text }) => text.length);
  }

  get text(): string {
    return this.journal
      .filter((entry) => entry.startsWith("> "))
      .map((entry) => entry.slice(2))
      .join("");
  }

  write(bytes: Uint8Array, parsed: () => void): void {
    this.#waiting.push({ text: new TextDecoder("latin1").decode(bytes), parsed });
    if (this.eager) this.parse();
  }

  /** Parses what waits, also what is written meanwhile. */
  parse(): void {
    while (this.#waiting.length > 0) this.parseOne();
  }

  parseOne(): void {
    const next = this.#waiting.shift();
    if (next?.text) this.journal.push(`> ${next.text}`);
    next?.parsed();
  }

  reset(scope: string): void {
    this.journal.push(`reset ${scope}`);
  }

  resize(cols: number, rows: number): void {
    this.journal.push(`size ${cols}x${rows}`);
  }
}
