/**
 * Keys that are the terminal's own and not the shell's: copy, paste, find, font size, and a way out for who has no mouse, since
 * the shell gets Tab. Ctrl-C is none of them: it always interrupts.
 */

/** What a key does to the terminal itself. */
export type Action = "copy" | "paste" | "find" | "leave" | "bigger" | "smaller" | "normal";

/** What of a keyboard event decides. */
export type Key = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

const LETTERS: Record<string, Action> = { c: "copy", v: "paste", f: "find" };
/** With Ctrl-Shift everywhere. */
const LEAVE = "l";
const SIZES: Record<string, Action> = { "+": "bigger", "=": "bigger", "-": "smaller", "0": "normal" };

/** The action of a key; `apple` where Cmd takes the place of Ctrl-Shift. */
export function actionOf(key: Key, apple: boolean): Action | undefined {
  if (key.altKey) return undefined;
  const command = apple && key.metaKey && !key.ctrlKey;
  const control = !apple && key.ctrlKey && !key.metaKey;
  // Ctrl-Shift-minus is Ctrl-_ to a shell, which undoes.
  if ((command || control) && !(key.shiftKey && key.key !== "+")) {
    const size = SIZES[key.key];
    if (size) return size;
  }
  if (key.ctrlKey && key.shiftKey && !key.metaKey && letter(key) === LEAVE) return "leave";
  if (command ? !key.shiftKey : control && key.shiftKey) return LETTERS[letter(key)];
  return undefined;
}

/** Whether this is a Mac or an iPad, where copy is Cmd-C. */
export function isApple(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPad|iPhone/.test(navigator.platform);
}

/** By what is printed on the key; where that is no Latin letter, by its place. */
function letter({ key, code }: Key): string {
  return /^[a-z]$/i.test(key) ? key.toLowerCase() : code.replace(/^Key/, "").toLowerCase();
}
