/**
 * A person who types at a simulated program over a slow connection, with predicted echo.
 */

import { type PredictMode, Predictor } from "../../src/core/index.ts";
import type { SimulatedShell } from "./simulated-shells.ts";
import { TextScreen } from "./text-screen.ts";

/** The service acknowledges input on its own after this time without output. */
const ACK_MS = 100;

export interface Network {
  /** Delay of the next message, in ms. */
  delay(): number;
  /** True if the next frame is lost; its content comes with a later one. */
  loses(): boolean;
  /** True if the next key is acknowledged by a frame before that with its output. */
  splits(): boolean;
}

interface Frame {
  output: string;
  prompt: boolean;
  applied: number;
  alone: boolean;
}

export class PredictedTyping {
  readonly screen = new TextScreen();
  /** The same output without predictions. */
  readonly plain = new TextScreen();
  readonly predictor: Predictor;
  now = 0;
  #typed = 0;
  #applied = 0;
  #calls: Array<{ at: number; run: () => void }> = [];
  #lastUp = 0;
  #lastDown = 0;
  /** Content of lost frames. */
  #lost = "";
  #ackDue: number | undefined;

  constructor(
    private readonly shell: SimulatedShell,
    private readonly network: Network,
    mode: PredictMode = "always",
  ) {
    this.predictor = new Predictor(this.screen, () => mode);
    const { output, tty, prompt } = shell.start();
    this.#write(output);
    this.predictor.tty(tty);
    this.predictor.parsed({ applied: 0, alone: false, prompt }, 0);
  }

  /** The line under the cursor as a person sees it. */
  get seen(): string {
    const { display } = this.predictor;
    const { line } = display ?? this.screen.cursor;
    const row = Array.from({ length: this.screen.cols }, (_, col) => this.screen.text(line, col));
    for (const [col, text] of display?.cells ?? []) row[col] = text;
    return row.join("").trimEnd();
  }

  /** Text that is shown and not confirmed. */
  get predicted(): string {
    return [...(this.predictor.display?.cells.values() ?? [])].join("");
  }

  type(...keys: string[]): this {
    for (const key of keys) {
      this.#typed += key.length;
      const end = this.#typed;
      this.predictor.typed(key, end, this.now);
      this.#lastUp = Math.max(this.#lastUp, this.now + this.network.delay());
      this.#at(this.#lastUp, () => this.#apply(key, end));
    }
    return this;
  }

  /** Lets time pass. */
  wait(ms: number): this {
    const until = this.now + ms;
    for (;;) {
      const next = this.#calls.reduce((first, call) => (call.at < first.at ? call : first), {
        at: until,
        run: () => {},
      });
      const { deadline } = this.predictor;
      if (deadline !== undefined && deadline <= Math.min(next.at, until)) {
        this.now = Math.max(this.now, deadline);
        this.predictor.tick(this.now);
      } else if (this.#calls.includes(next)) {
        this.#calls.splice(this.#calls.indexOf(next), 1);
        this.now = next.at;
        next.run();
      } else {
        this.now = until;
        return this;
      }
    }
  }

  #at(at: number, run: () => void): void {
    this.#calls.push({ at, run });
  }

  #apply(key: string, end: number): void {
    this.#applied = end;
    const { output, tty, prompt } = this.shell.key(key);
    const change = () => this.predictor.tty(tty);
    if (this.network.splits()) this.#send({ output: "", prompt: false, applied: end, alone: false }, () => {});
    if (output) return this.#send({ output, prompt, applied: end, alone: false }, change);
    this.#ackDue ??= this.now + ACK_MS;
    const due = this.#ackDue;
    this.#at(due, () => {
      if (this.#ackDue === due) this.#send({ output: "", prompt: false, applied: this.#applied, alone: true }, change);
    });
  }

  #send({ output, prompt, applied, alone }: Frame, change: () => void): void {
    this.#ackDue = undefined;
    if (!alone && this.network.loses()) {
      this.#lost += output;
      // Sent again.
      const again = { output: "", prompt, applied, alone: false };
      return this.#at(this.now + 3 * ACK_MS, () => this.#send(again, change));
    }
    const content = this.#lost + output;
    this.#lost = "";
    this.#lastDown = Math.max(this.#lastDown, this.now + this.network.delay());
    this.#at(this.#lastDown, () => {
      this.#write(content);
      change();
      this.predictor.parsed({ applied, alone, prompt: prompt && applied === this.#applied }, this.now);
    });
  }

  #write(output: string): void {
    this.screen.write(output);
    this.plain.write(output);
  }
}
