/**
 * Limits the counts in control sequences before the emulator parses them. xterm.js scrolls or inserts as often as a
 * sequence says, so that `CSI 2147483647 S` would stop every page that watches; more than the screen has is no use.
 */

const CAN = 0x18;
const SUB = 0x1a;
const ESC = 0x1b;
/** U+009B is CSI too: C2 9B in UTF-8. */
const C1_LEAD = 0xc2;
const C1_CSI = 0x9b;
/** xterm.js knows no further parameters, parts of parameters included, and no larger number. */
const MAX_PARAMETERS = 64;
const MAX_NUMBER = 0x7fffffff;
const MAX_INTERMEDIATES = 4;
/** Maximum length of what is held back; further output has at most twice the length of its input. */
const MAX_HELD_BYTES = MAX_PARAMETERS * 11 + MAX_INTERMEDIATES;
/** Final bytes, after their intermediates, of sequences that count lines, and of others that count. */
const LINES = new Set("ABEFLMSTe");
const OTHERS = new Set([..."@CDIPXZ^a", " @", " A", "'}", "'~"]);
/** REP counts characters, which may fill the screen; the service's emulator has the same limit. */
const REPEAT = "b";
const MIN_REPEAT_LIMIT = 1024;
/** Work after which the emulator may draw, as a sum of counts: some 10 to 50 ms. */
const MAX_WORK = 1000;
/** Characters that take as long as a line. */
const CHARACTERS_PER_LINE = 256;

export class CountLimiter {
  /** Where the next byte is; `rest` is the end of a sequence without counts. */
  #place: "text" | "escape" | "parameters" | "rest" = "text";
  #previous = 0;
  /** Parameters of the sequence so far, which are held back until its final byte says what they are. */
  #parameters: Array<number | undefined> = [];
  /** The separator after each of them but the last. */
  #separators = "";
  #intermediates = "";
  #out = new Uint8Array();
  #length = 0;
  /** Where in the output a piece ends. */
  #cuts: number[] = [];
  /** Work since the last cut. */
  #work = 0;

  /**
   * Returns the bytes for a screen of this size, in pieces that each take little time. The beginning of a sequence that
   * is not complete comes with its end.
   */
  limit(bytes: Uint8Array, cols: number, rows: number): Uint8Array[] {
    if (this.#place === "text" && this.#previous !== C1_LEAD && introducer(bytes, 0) === bytes.length) {
      this.#previous = bytes.at(-1) ?? 0;
      return [bytes];
    }
    this.#out = new Uint8Array(2 * bytes.length + MAX_HELD_BYTES);
    this.#length = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#place === "text") at = this.#text(bytes, at);
      else this.#byte(bytes[at++] ?? 0, cols, rows);
    }
    const ends = [...this.#cuts, this.#length];
    const pieces = ends.map((end, at) => this.#out.subarray(ends[at - 1] ?? 0, end));
    this.#cuts = [];
    return pieces;
  }

  /** Copies text up to and including the next introducer. */
  #text(bytes: Uint8Array, from: number): number {
    const end = introducer(bytes, from);
    const before = (end > from ? bytes[end - 1] : this.#previous) ?? 0;
    const copied = bytes.subarray(from, end + 1);
    this.#out.set(copied, this.#length);
    this.#length += copied.length;
    this.#previous = copied.at(-1) ?? 0;
    if (bytes[end] === ESC) this.#place = "escape";
    else if (bytes[end] === C1_CSI && before === C1_LEAD) this.#place = "parameters";
    return end + 1;
  }

  #byte(byte: number, cols: number, rows: number): void {
    const character = String.fromCharCode(byte);
    this.#previous = byte;
    if (byte === ESC) this.#leave("escape");
    else if (byte === CAN || byte === SUB) this.#leave("text");
    else if (byte >= 0x80) {
      // An invalid byte would be dropped, and join the digits around it.
      this.#leave("text");
      this.#put(CAN);
    } else if (this.#place === "escape") {
      // Controls do not end a sequence.
      if (byte >= 0x20 && byte !== 0x7f) this.#place = character === "[" ? "parameters" : "text";
    } else if (byte >= 0x40 && byte !== 0x7f) {
      this.#limitCounts(this.#intermediates + character, cols, rows);
      this.#leave("text");
      this.#put(byte);
      if (this.#work > MAX_WORK) this.#cut();
      return;
    } else if (this.#place === "parameters" && byte >= 0x20 && byte !== 0x7f) {
      if (this.#hold(character)) return;
      // Nothing of a sequence with a prefix is a count.
      this.#leave("rest");
    }
    this.#put(byte);
  }

  /** Holds a digit, a separator or an intermediate back; false for others. */
  #hold(character: string): boolean {
    if (character < "0") {
      if (this.#intermediates.length < MAX_INTERMEDIATES) this.#intermediates += character;
      return true;
    }
    if (this.#intermediates !== "" || character > ";") return false;
    const last = this.#separators.length;
    if (character > "9") this.#separators += last < MAX_PARAMETERS ? character : "";
    else if (last < MAX_PARAMETERS) {
      this.#parameters[last] = Math.min((this.#parameters[last] ?? 0) * 10 + Number(character), MAX_NUMBER);
    }
    return true;
  }

  #limitCounts(name: string, cols: number, rows: number): void {
    let most: number;
    if (LINES.has(name)) most = rows;
    else if (OTHERS.has(name)) most = Math.max(cols, rows);
    else if (name === REPEAT) most = Math.max(cols * rows, MIN_REPEAT_LIMIT);
    else return;
    this.#parameters = this.#parameters.map((count) => count && Math.min(count, most));
    this.#work += (this.#parameters[0] ?? 1) / (name === REPEAT ? CHARACTERS_PER_LINE : 1);
  }

  #cut(): void {
    this.#cuts.push(this.#length);
    this.#work = 0;
  }

  /** Ends the parameters, and lets through what was held back. */
  #leave(place: "text" | "escape" | "rest"): void {
    let held = "";
    for (let at = 0; at <= this.#separators.length; at += 1) {
      held += `${this.#parameters[at] ?? ""}${this.#separators[at] ?? ""}`;
    }
    for (const character of held + this.#intermediates) this.#put(character.charCodeAt(0));
    this.#parameters = [];
    this.#separators = "";
    this.#intermediates = "";
    this.#place = place;
  }

  #put(byte: number): void {
    this.#out[this.#length++] = byte;
  }
}

/** Index of the next byte that may introduce a sequence, or the length. */
function introducer(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at += 1) if (bytes[at] === ESC || bytes[at] === C1_CSI) return at;
  return bytes.length;
}
