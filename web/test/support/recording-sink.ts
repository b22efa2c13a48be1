/**
 * An emulator that records what it receives, and parses when the test decides.
 */

import type { InputProgress, TerminalSink } from "../../src/core/index.ts";

export class RecordingSink implements TerminalSink {
  /** `> text`, `reset full` or `size 80x24`, in order. */
  readonly journal: string[] = [];
  /** True to parse at once, and not by `parse`. */
  eager = true;
  /** Length of the input that was applied, by the last report. */
  applied = 0;
  #waiting: Array<{ text: string; parsed: () => void }> = [];

  /** Lengths of the unparsed writes. */
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

  /** Parses everything, including what is written meanwhile. */
  parse(): void {
    while (this.#waiting.length > 0) this.parseOne();
  }

  parseOne(): void {
    const next = this.#waiting.shift();
    if (next?.text) this.journal.push(`> ${next.text}`);
    next?.parsed();
  }

  progress({ applied }: InputProgress): void {
    this.applied = applied;
  }

  reset(scope: string): void {
    this.journal.push(`reset ${scope}`);
  }

  resize(cols: number, rows: number): void {
    this.journal.push(`size ${cols}x${rows}`);
  }
}
