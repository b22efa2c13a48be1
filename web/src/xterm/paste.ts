/**
 * Makes pastes safe: the page that a text was copied from may have put more onto the clipboard than the user saw.
 */

/** C0 without tab, newline and return; DEL; C1. ESC could end the bracket of a bracketed paste. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to strip
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** Strips control characters, so that a paste cannot press keys. */
export function stripControls(text: string): string {
  return text.replace(CONTROLS, "");
}

/** Splits a text into lines; a trailing newline starts no further line. */
export function linesOf(text: string): string[] {
  return text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
}

/** True if the text has several lines that would run one by one, as without bracketed paste. */
export function runsLineByLine(text: string, bracketed: boolean): boolean {
  return !bracketed && linesOf(text).length > 1;
}
