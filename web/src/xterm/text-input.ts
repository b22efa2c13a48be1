/**
 * Text of input methods: composition, dead keys, emoji pickers, dictation and touch keyboards. They change the emulator's
 * text field; what has changed there is typed once. A keyboard that replaces a word it has already written, as for a
 * correction, deletes the word in the shell too. Keys with a code of their own stay the emulator's business.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";

/** The code of a key that an input method handles. */
const INPUT_METHOD_KEY = 229;
const MODIFIERS: readonly string[] = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];
/** Changes that are not typed: the page pastes by itself, and an undo knows nothing of the shell. */
const IGNORED: readonly string[] = ["historyUndo", "historyRedo", "insertFromPaste", "insertFromDrop", "deleteByCut"];
const DELETE = "\x7f";
/** Touch keyboards look back this far at most, in UTF-16 units. */
const MAX_FIELD_LENGTH = 500;

export interface TextInputHandlers {
  type(text: string): void;
  /** True if a sticky modifier waits for the next character, which must not wait for the end of a composition. */
  isModified(): boolean;
  /** True if the emulator lets its keys into the field, where a screen reader follows them. */
  keepsKeys(): boolean;
  /** The text that is being composed, if any, for display. */
  onComposing(text: string): void;
}

export class TextInput implements IDisposable {
  readonly #end = new AbortController();
  /** The part of the field's value that was typed, or was there before. Any other value is the emulator's. */
  #typed = "";
  #composing = false;
  /** The last key is that of an input method. */
  #methodKey = false;
  /** The change that a key of the emulator may still make to the field: all, if the browser makes a character of it. */
  #ownKey: "nothing" | "delete" | "all" = "nothing";

  /** `element` contains the field, so that its listeners run before those of the emulator. */
  constructor(
    element: HTMLElement,
    private readonly field: HTMLTextAreaElement,
    private readonly handlers: TextInputHandlers,
  ) {
    const listen = <K extends keyof HTMLElementEventMap>(name: K, act: (event: HTMLElementEventMap[K]) => void) => {
      const own = (event: HTMLElementEventMap[K]) => event.target === field && act(event);
      element.addEventListener(name, own, { signal: this.#end.signal, capture: true });
    };
    listen("keydown", (event) => this.#keyDown(event));
    listen("keypress", (event) => {
      if (this.#methodKey) event.stopPropagation();
      else this.#ownKey = "all";
    });
    listen("keyup", () => {
      this.#ownKey = "nothing";
    });
    listen("beforeinput", (event) => this.#before(event));
    listen("input", (event) => this.#input(event as InputEvent));
    listen("compositionstart", (event) => {
      event.stopPropagation();
      // Emptying the field now would end the composition, which replaces what is selected.
      if (this.#isForeign) this.#typed = unselected(this.field);
      this.#composing = true;
    });
    listen("compositionupdate", (event) => {
      event.stopPropagation();
      handlers.onComposing(event.data);
    });
    listen("compositionend", (event) => {
      event.stopPropagation();
      this.#composed();
      this.#commit();
    });
    // The emulator empties the field.
    listen("blur", () => this.flush());
  }

  /** Types what is being composed, before something else is typed. */
  flush(): void {
    this.#finish();
    this.#clear();
  }

  dispose(): void {
    this.#end.abort();
    this.handlers.onComposing("");
  }

  #keyDown(event: KeyboardEvent): void {
    this.#ownKey = "nothing";
    this.#methodKey = event.keyCode === INPUT_METHOD_KEY;
    if (this.#methodKey) {
      event.stopPropagation();
      if (!this.#composing && this.#isForeign) this.#clear();
    } else if (!MODIFIERS.includes(event.key)) {
      this.#ownKey = "delete";
      this.#finish();
      if (!this.handlers.keepsKeys()) this.#clear();
    }
  }

  #before({ inputType }: InputEvent): void {
    if (this.#composing || this.#isOwn(inputType)) return;
    if (this.#isForeign) this.#clear();
    // Nothing in the field changes, so no other event follows.
    if (inputType === "deleteContentBackward" && this.field.value === "") this.handlers.type(DELETE);
  }

  #input(event: InputEvent): void {
    if (!this.#composing && this.#isOwn(event.inputType)) {
      this.#ownKey = "nothing";
      // Firefox leaves a space in the field, and not every change after it begins with `beforeinput`.
      if (!this.handlers.keepsKeys()) this.#follow();
      return this.#bound();
    }
    event.stopPropagation();
    if (this.#composing) {
      if (this.handlers.isModified()) this.flush();
    } else if (IGNORED.includes(event.inputType)) this.#follow();
    else this.#commit();
  }

  /** True for a change by a key that the emulator has typed. */
  #isOwn(inputType: string): boolean {
    return this.#ownKey === "all" || (this.#ownKey === "delete" && inputType.startsWith("delete"));
  }

  /** True if the emulator has put text into the field: what is selected, or its keys. */
  get #isForeign(): boolean {
    return this.field.value !== this.#typed;
  }

  #finish(): void {
    if (this.#composing) this.#commit();
    this.#composed();
  }

  #composed(): void {
    this.#composing = false;
    this.handlers.onComposing("");
  }

  /** The field's text is not to be typed, or was. */
  #follow(): void {
    this.#typed = this.field.value;
  }

  /** Types the difference between the field and what was typed of it. */
  #commit(): void {
    const text = keysFor(this.#typed, this.field.value);
    this.#follow();
    if (text !== "") this.handlers.type(text);
    if (!this.#composing) this.#bound();
  }

  #bound(): void {
    if (this.field.value.length > MAX_FIELD_LENGTH) this.#clear();
  }

  #clear(): void {
    // Some touch keyboards start over after each assignment.
    if (this.field.value !== "") this.field.value = "";
    this.#typed = "";
  }
}

/** The field's text without what is selected. */
function unselected({ value, selectionStart, selectionEnd }: HTMLTextAreaElement): string {
  return value.slice(0, selectionStart) + value.slice(selectionEnd);
}

/** The keys that make one text of another at the end of a line. */
export function keysFor(before: string, after: string): string {
  const [old, now] = [Array.from(before), Array.from(after)];
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  return DELETE.repeat(old.length - same) + now.slice(same).join("").replaceAll("\n", "\r");
}

/** Shows composed text at the cursor, with the emulator's own element. */
export function showComposition(terminal: Terminal, text: string): void {
  const view = terminal.element?.querySelector<HTMLElement>(".composition-view");
  const screen = terminal.element?.querySelector<HTMLElement>(".xterm-screen");
  if (!view || !screen) return;
  view.textContent = text;
  view.classList.toggle("active", text !== "");
  if (text === "") return;
  const { cols, rows, buffer, options } = terminal;
  const { cursorX, cursorY } = buffer.active;
  const height = `${screen.clientHeight / rows}px`;
  Object.assign(view.style, {
    left: `${(Math.min(cursorX, cols - 1) * screen.clientWidth) / cols}px`,
    top: `${(cursorY * screen.clientHeight) / rows}px`,
    height,
    lineHeight: height,
    fontFamily: options.fontFamily,
    fontSize: `${options.fontSize}px`,
    background: options.theme?.background,
    color: options.theme?.foreground,
    textDecoration: "underline",
  });
}
