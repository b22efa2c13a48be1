/**
 * What may come in with a paste, and when a person is asked first. Apart, because a page that somebody copied from may have put
 * more onto the clipboard than they saw.
 */

/** C0 without tab, newline and return; DEL; C1. Among them ESC, with which a text could end its own bracket. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are taken out
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** The text without control characters: a paste is text, and never keys. */
export function harmless(text: string): string {
  return text.replace(CONTROLS, "");
}

/** The lines of a text; a newline at its end begins no other. */
export function linesOf(text: string): string[] {
  return text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
}

/**
 * Whether several lines would run one after the other. A program that has switched bracketed paste on takes them as one text and
 * runs none.
 */
export function runsLines(text: string, bracketed: boolean): boolean {
  return !bracketed && linesOf(text).length > 1;
}
