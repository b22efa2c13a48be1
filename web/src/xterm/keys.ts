/**
 * Keyboard shortcuts of the terminal itself: copy, paste, find, font size, its menu, and leaving it without a mouse, since
 * Tab goes to the shell. Ctrl-C is not among them: it always interrupts.
 */

export type Action = "copy" | "paste" | "find" | "menu" | "leave" | "up" | "down" | "bigger" | "smaller" | "normal";

export type Key = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** With Ctrl-Shift; on a Mac, with Cmd. */
const LETTERS: Record<string, Action> = { c: "copy", v: "paste", f: "find" };
/** With Ctrl-Shift on all systems. */
const LEAVE_LETTER = "l";
/** With Ctrl, or Cmd on a Mac: from prompt to prompt. */
const JUMPS: Record<string, Action> = { ArrowUp: "up", ArrowDown: "down" };
const SIZES: Record<string, Action> = { "+": "bigger", "=": "bigger", "-": "smaller", "0": "normal" };

/** Returns the action of a key; `apple` is true where Cmd replaces Ctrl-Shift. */
export function actionOf(key: Key, apple: boolean): Action | undefined {
  if (key.altKey) return undefined;
  if (isMenuKey(key)) return "menu";
  const command = apple && key.metaKey && !key.ctrlKey;
  const control = !apple && key.ctrlKey && !key.metaKey;
  if ((command || control) && !key.shiftKey && JUMPS[key.key]) return JUMPS[key.key];
  // Ctrl-Shift-minus is Ctrl-_, which a shell takes for undo.
  if ((command || control) && !(key.shiftKey && key.key !== "+")) {
    const size = SIZES[key.key];
    if (size) return size;
  }
  if (key.ctrlKey && key.shiftKey && !key.metaKey && letter(key) === LEAVE_LETTER) return "leave";
  if (command ? !key.shiftKey : control && key.shiftKey) return LETTERS[letter(key)];
  return undefined;
}

/** The keys that open a menu on every system: Shift-F10, and the one beside the right Ctrl. */
function isMenuKey({ key, ctrlKey, metaKey, shiftKey }: Key): boolean {
  if (ctrlKey || metaKey) return false;
  return shiftKey ? key === "F10" : key === "ContextMenu";
}

/** True for a key that writes, and is not a shortcut of the browser. */
export function isText({ key, ctrlKey, metaKey }: Key): boolean {
  return !ctrlKey && !metaKey && (key.length === 1 || ["Enter", "Backspace", "Tab"].includes(key));
}

/** True on Apple systems, where copy is Cmd-C. */
export function isApple(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPad|iPhone/.test(navigator.platform);
}

/** The Latin letter on the key, or that at its place on a US keyboard. */
function letter({ key, code }: Key): string {
  return /^[a-z]$/i.test(key) ? key.toLowerCase() : code.replace(/^Key/, "").toLowerCase();
}
