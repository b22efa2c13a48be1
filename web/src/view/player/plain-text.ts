/**
 * Takes escape sequences out of a terminal's output, which comes in pieces. Pure.
 */

const BELL = 0x07;
const LINE_FEED = 0x0a;
const ESCAPE = 0x1b;
const DELETE = 0x7f;
const BRACKET = "[".charCodeAt(0);
/** Begins of strings: OSC, DCS, SOS, PM and APC. */
const STRINGS: readonly number[] = Array.from("]PX^_", (sign) => sign.charCodeAt(0));

/** Place of the next character: in text, behind an escape, in a sequence with parameters, or in a string. */
type State = "text" | "escape" | "parameters" | "string";

/** The text of an output, piece by piece. */
export class PlainText {
  /** A sequence may be cut anywhere between two pieces. */
  #state: State = "text";

  /** The text of the next piece: its printed characters and line feeds. */
  next(piece: string): string {
    let text = "";
    let from = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const code = piece.charCodeAt(at);
      if (this.#state === "text" || !this.#takes(code)) {
        this.#state = code === ESCAPE ? "escape" : "text";
        if (code === LINE_FEED || (code >= 0x20 && code !== DELETE)) continue;
      }
      text += piece.slice(from, at);
      from = at + 1;
    }
    return text + piece.slice(from);
  }

  /** True for a character of the sequence, which may end with it. */
  #takes(code: number): boolean {
    if (this.#state === "string") {
      if (code === BELL) this.#state = "text";
      return code !== ESCAPE;
    }
    if (code < 0x20 || code >= DELETE) return false;
    if (this.#state === "parameters") {
      if (code >= 0x40) this.#state = "text";
    } else if (code === BRACKET) this.#state = "parameters";
    else if (STRINGS.includes(code)) this.#state = "string";
    else if (code >= 0x30) this.#state = "text";
    return true;
  }
}
