/**
 * Programs that people type into, reduced to what they print for each key.
 */

import type { Tty } from "../../src/protocol/generated.ts";

export const LINES: Tty = { echo: true, canonical: true };
export const SILENT: Tty = { echo: false, canonical: true };
export const RAW: Tty = { echo: false, canonical: false };

/** The effect of a key. */
export interface Effect {
  output: string;
  tty: Tty;
  /** True if the shell waits for a command at an empty prompt, and echoes it. */
  prompt: boolean;
}

export interface SimulatedShell {
  /** Before the first key. */
  start(): Effect;
  key(text: string): Effect;
  /** True if the next character will appear on the screen. */
  readonly echoes: boolean;
}

/** bash: a line editor at a prompt. Each line that begins with `q` turns the echo off, or on again. */
export class LineEditor implements SimulatedShell {
  #line = "";
  #at = 0;
  echoes = true;

  start(): Effect {
    return this.#prompt("");
  }

  key(text: string): Effect {
    const before = this.#line;
    const at = this.#at;
    if (text === "\r") return this.#run();
    if (text === "\x7f") {
      if (at === 0) return this.#shows("\x07");
      this.#line = before.slice(0, at - 1) + before.slice(at);
      this.#at -= 1;
      return this.#shows(`\b${this.#tail()}`);
    }
    if (text === "\x1b[D") {
      this.#at = Math.max(0, at - 1);
      return this.#shows(this.#at < at ? "\b" : "\x07");
    }
    if (text === "\x1b[C") {
      this.#at = Math.min(before.length, at + 1);
      return this.#shows(this.#at > at ? "\x1b[C" : "\x07");
    }
    if (text < " " || text.length > 1) return this.#shows("\x07");
    this.#line = before.slice(0, at) + text + before.slice(at);
    this.#at += 1;
    return this.#shows(text + this.#tail());
  }

  /** The rest of the line, and the way back. */
  #tail(): string {
    const rest = this.#line.slice(this.#at);
    return `${rest}\x1b[K${rest && `\x1b[${rest.length}D`}`;
  }

  #shows(output: string): Effect {
    return { output: this.echoes ? output : "", tty: RAW, prompt: false };
  }

  #run(): Effect {
    const line = this.#line;
    if (line.startsWith("q")) this.echoes = !this.echoes;
    this.#line = "";
    this.#at = 0;
    return this.#prompt(`\r\n${line.startsWith("p") ? `${"out ".repeat(line.length)}\r\n` : ""}`);
  }

  #prompt(output: string): Effect {
    return { output: `${output}$ `, tty: RAW, prompt: this.echoes };
  }
}

/** A program that reads lines, which the terminal itself echoes; every second one is a password. */
export class LineReader implements SimulatedShell {
  #length = 0;
  echoes = true;

  start(): Effect {
    return { output: "name: ", tty: LINES, prompt: false };
  }

  key(text: string): Effect {
    const tty = () => (this.echoes ? LINES : SILENT);
    const shows = (output: string) => ({ output: this.echoes ? output : "", tty: tty(), prompt: false });
    if (text === "\r") {
      this.#length = 0;
      this.echoes = !this.echoes;
      return { output: this.echoes ? "\r\nname: " : "\r\npassword: ", tty: tty(), prompt: false };
    }
    if (text === "\x7f") {
      if (this.#length === 0) return shows("");
      this.#length -= 1;
      return shows("\b \b");
    }
    if (text.startsWith("\x1b")) {
      this.#length += 4;
      return shows("^[[D");
    }
    this.#length += 1;
    return shows(text);
  }
}

/** vim: letters are commands until `i`, and again after Escape. It redraws, and puts the cursor where it belongs. */
export class ModalEditor implements SimulatedShell {
  #inserts = false;

  get echoes(): boolean {
    return this.#inserts;
  }

  start(): Effect {
    return { output: "\x1b[2J\x1b[H", tty: RAW, prompt: false };
  }

  key(text: string): Effect {
    const shows = (output: string) => ({ output, tty: RAW, prompt: false });
    if (text === "\x1b") {
      this.#inserts = false;
      return shows("\b");
    }
    if (this.#inserts) return shows(text === "\r" ? "\r\n" : text === "\x7f" ? "\b \b" : text);
    if (text === "i") this.#inserts = true;
    return shows({ h: "\b", l: "\x1b[C", j: "\n", x: " \b" }[text] ?? "");
  }
}

/** Shows text behind the cursor after two characters: text that typing moves, or a suggestion that it replaces. */
export class SuggestingEditor implements SimulatedShell {
  readonly echoes = true;
  #typed = 0;

  constructor(private readonly moves: boolean) {}

  start(): Effect {
    return { output: "", tty: RAW, prompt: false };
  }

  key(text: string): Effect {
    this.#typed += 1;
    const rest = this.#typed < 2 ? "" : this.moves ? "rest" : "123456".slice(this.#typed - 2);
    const back = rest ? `\x1b[${rest.length}D` : "";
    return { output: `${text}\x1b[K${rest}${back}`, tty: RAW, prompt: false };
  }
}

/** Prints nothing, as a program that only waits for keys. */
export class SilentProgram implements SimulatedShell {
  readonly echoes = false;

  start(): Effect {
    return { output: "press any key ", tty: RAW, prompt: false };
  }

  key(): Effect {
    return { output: "", tty: RAW, prompt: false };
  }
}
