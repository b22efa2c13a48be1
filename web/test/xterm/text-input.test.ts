// @vitest-environment jsdom
/**
 * Text of input methods, by the sequences of events that browsers send: each text is typed exactly once.
 */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keysFor, TextInput } from "../../src/xterm/text-input.ts";

const DELETE = "\x7f";
const typed: string[] = [];
const shown: string[] = [];
const emulator = { keydown: vi.fn(), keypress: vi.fn(), input: vi.fn(), compositionend: vi.fn() };
let modified = false;
let keepsKeys = false;
let field: HTMLTextAreaElement;
let input: TextInput;

beforeEach(() => {
  typed.length = 0;
  shown.length = 0;
  modified = false;
  keepsKeys = false;
  vi.clearAllMocks();
  document.body.innerHTML = "<div><textarea></textarea></div>";
  field = document.querySelector("textarea") as HTMLTextAreaElement;
  input = new TextInput(field.parentElement as HTMLElement, field, {
    type: (text) => typed.push(text),
    isModified: () => modified,
    keepsKeys: () => keepsKeys,
    onComposing: (text) => shown.push(text),
  });
  // As the emulator, on the field itself.
  for (const [name, listener] of Object.entries(emulator)) field.addEventListener(name, listener, { capture: true });
});
afterEach(() => input.dispose());

const send = (event: Event) => field.dispatchEvent(event);
const key = (name: "keydown" | "keypress" | "keyup", key: string, keyCode: number, isComposing = false) =>
  send(new KeyboardEvent(name, { key, keyCode, isComposing, bubbles: true } as KeyboardEventInit));
const composition = (name: "start" | "update" | "end", data = "") =>
  send(new CompositionEvent(`composition${name}`, { data, bubbles: true }));
/** The field gets another value, as a browser does it: with an event before and one after it. */
function change(value: string, inputType: string, isComposing = false): void {
  send(new InputEvent("beforeinput", { inputType, isComposing, bubbles: true }));
  field.value = value;
  send(new InputEvent("input", { inputType, isComposing, bubbles: true, composed: true }));
}
/** Writes at the caret, in place of what is selected. */
function insert(text: string, inputType = "insertText", isComposing = false): void {
  send(new InputEvent("beforeinput", { inputType, data: text, isComposing, bubbles: true }));
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  send(new InputEvent("input", { inputType, data: text, isComposing, bubbles: true, composed: true }));
}
/** Deletes backwards. An empty field does not change, so no input follows. */
function backspace(): void {
  send(new InputEvent("beforeinput", { inputType: "deleteContentBackward", bubbles: true }));
  const { value, selectionStart, selectionEnd } = field;
  const last = Array.from(value.slice(0, selectionEnd)).at(-1);
  if (last === undefined) return;
  field.setRangeText("", Math.min(selectionStart, selectionEnd - last.length), selectionEnd, "end");
  send(new InputEvent("input", { inputType: "deleteContentBackward", bubbles: true, composed: true }));
}
/** A key of the emulator's that it leaves to the browser, too. */
function ownKey(name: string, keyCode: number): void {
  key("keydown", name, keyCode);
  if (name === "Backspace") backspace();
  else {
    key("keypress", name, keyCode);
    insert(name);
  }
  key("keyup", name, keyCode);
}
/** As the emulator does with each selection by mouse on Linux. */
function select(text: string): void {
  field.value = text;
  field.select();
}
/** Chromium's order of events. */
function compose(steps: string[], before = ""): void {
  key("keydown", "Process", 229);
  composition("start");
  for (const step of steps) {
    composition("update", step);
    change(before + step, "insertCompositionText", true);
    key("keydown", "Process", 229, true);
  }
  composition("end", steps.at(-1));
  key("keyup", "Process", 229);
}

describe("a composition", () => {
  test("is shown while it lasts, and typed once at its end", () => {
    compose(["n", "ni", "你"]);
    compose(["h", "好"], "你");
    expect(typed).toEqual(["你", "好"]);
    expect(shown).toEqual(["n", "ni", "你", "", "h", "好", ""]);
    expect(emulator.keydown).not.toHaveBeenCalled();
    expect(emulator.compositionend).not.toHaveBeenCalled();
  });

  test("is typed once where the last input event follows its end, as in Firefox", () => {
    composition("start");
    composition("update", "é");
    field.value = "é";
    composition("end", "é");
    send(new InputEvent("input", { inputType: "insertCompositionText", bubbles: true }));
    expect(typed).toEqual(["é"]);
  });

  test("is typed once where it is replaced before its end, as in Safari", () => {
    composition("start");
    change("´", "insertCompositionText", true);
    change("", "deleteCompositionText", true);
    change("é", "insertFromComposition", true);
    composition("end", "é");
    key("keydown", "e", 229);
    expect(typed).toEqual(["é"]);
  });

  test("that is given up types nothing", () => {
    compose(["n", "ni", ""]);
    expect(typed).toEqual([]);
  });

  test("ends before a key of its own, a touch key and the loss of the focus", () => {
    for (const end of [() => key("keydown", "Enter", 13), () => input.flush(), () => send(new FocusEvent("blur"))]) {
      typed.length = 0;
      composition("start");
      change("한", "insertCompositionText", true);
      end();
      expect(typed).toEqual(["한"]);
      // The browser ends it too.
      composition("end", "한");
      expect(typed).toEqual(["한"]);
    }
    expect(emulator.keydown).toHaveBeenCalledOnce();
  });

  test("gives its first character to a sticky Ctrl at once", () => {
    modified = true;
    key("keydown", "Unidentified", 229);
    composition("start");
    change("c", "insertCompositionText", true);
    expect(typed).toEqual(["c"]);
    composition("end", "c");
    expect(typed).toEqual(["c"]);
  });
});

describe("a touch keyboard", () => {
  test("writes, corrects a word, and deletes by character and by word", () => {
    key("keydown", "Unidentified", 229);
    change("teh", "insertText");
    change("the", "insertReplacementText");
    expect(typed.splice(0)).toEqual(["teh", `${DELETE}${DELETE}he`]);
    key("keydown", "Unidentified", 229);
    change("th", "deleteContentBackward");
    change("", "deleteWordBackward");
    expect(typed.splice(0)).toEqual([DELETE, `${DELETE}${DELETE}`]);
    // There is more in the shell than in the field.
    key("keydown", "Unidentified", 229);
    send(new InputEvent("beforeinput", { inputType: "deleteContentBackward", bubbles: true }));
    expect(typed).toEqual([DELETE]);
    expect(emulator.input).not.toHaveBeenCalled();
  });

  test("does not change what was typed before another key", () => {
    change("ls", "insertText");
    key("keydown", "Enter", 13);
    expect(field.value).toBe("");
    change("ps", "insertText");
    expect(typed).toEqual(["ls", "ps"]);
  });
});

test("an emoji picker types once, also after a key that was never released", () => {
  key("keydown", "A", 65);
  key("keypress", "A", 65);
  insert("A");
  insert("👩‍🚀");
  expect(typed).toEqual(["👩‍🚀"]);
});

describe("with a screen reader, where keys reach the field too", () => {
  beforeEach(() => {
    keepsKeys = true;
  });

  test("each key is the emulator's alone, and the field keeps what the reader announces", () => {
    for (const letter of "abc") ownKey(letter, letter.toUpperCase().charCodeAt(0));
    expect(field.value).toBe("abc");
    for (const left of ["ab", "a", ""]) {
      ownKey("Backspace", 8);
      expect(field.value).toBe(left);
    }
    // There is more in the shell than in the field.
    ownKey("Backspace", 8);
    expect(typed).toEqual([]);
  });

  test("a touch keyboard and an emoji picker go on after keys, wherever the caret is", () => {
    for (const letter of "abc") ownKey(letter, letter.toUpperCase().charCodeAt(0));
    field.setSelectionRange(1, 1);
    key("keydown", "Unidentified", 229);
    insert("d");
    expect(typed.splice(0)).toEqual(["d"]);
    ownKey("e", 69);
    insert("🙂");
    key("keydown", "Unidentified", 229);
    backspace();
    key("keydown", "Unidentified", 229);
    backspace();
    expect(typed).toEqual(["🙂", DELETE, DELETE]);
  });

  test("the field does not grow for ever", () => {
    for (let at = 0; at < 2000; at += 1) ownKey("x", 88);
    expect(field.value.length).toBeLessThanOrEqual(500);
  });
});

test("a key that the emulator types is left to it", () => {
  key("keydown", "A", 65);
  key("keypress", "A", 65);
  change("A", "insertText");
  expect(typed).toEqual([]);
  for (const name of ["keydown", "keypress", "input"] as const) expect(emulator[name]).toHaveBeenCalledOnce();
});

test("a key that the browser leaves in the field is not typed again by what has no event before it", () => {
  ownKey(" ", 32);
  field.value = " ü";
  send(new InputEvent("input", { data: "ü", bubbles: true, composed: true }));
  expect(typed).toEqual(["ü"]);
});

test("a key of an input method that comes with a keypress is typed once", () => {
  key("keydown", "a", 229);
  key("keypress", "a", 97);
  change("a", "insertText");
  expect(typed).toEqual(["a"]);
  expect(emulator.keypress).not.toHaveBeenCalled();
});

describe("what is selected in the terminal, and so in the field", () => {
  const SELECTED = "rm -rf / # forty characters of a command";

  test("is not replaced in the shell by a composition", () => {
    select(SELECTED);
    key("keydown", "Process", 229);
    composition("start");
    composition("update", "你");
    insert("你", "insertCompositionText", true);
    composition("end", "你");
    expect(typed).toEqual(["你"]);
  });

  test("nor by one that begins before its key, as in Safari", () => {
    select(SELECTED);
    composition("start");
    insert("é", "insertCompositionText", true);
    composition("end", "é");
    key("keydown", "e", 229);
    expect(typed).toEqual(["é"]);
  });

  test("nor by a touch keyboard, an emoji picker or dictation", () => {
    select(SELECTED);
    key("keydown", "Unidentified", 229);
    insert("a");
    select(SELECTED);
    insert("🙂");
    select(SELECTED);
    key("keydown", "Unidentified", 229);
    backspace();
    select(SELECTED);
    backspace();
    expect(typed).toEqual(["a", "🙂", DELETE, DELETE]);
  });

  test("is never typed where a composition leaves it", () => {
    field.value = SELECTED;
    composition("start");
    insert("日", "insertCompositionText", true);
    composition("end", "日");
    expect(typed).toEqual(["日"]);
  });
});

test("an undo, a drop and a paste are never typed", () => {
  for (const inputType of ["historyUndo", "insertFromDrop", "insertFromPaste"]) change("other", inputType);
  insert(".");
  expect(typed).toEqual(["."]);
});

test("the field does not grow for ever", () => {
  for (let at = 1; at <= 20; at += 1) change(`${field.value}${"x".repeat(100)}`, "insertText");
  expect(field.value.length).toBeLessThanOrEqual(600);
  expect(typed.join("")).toBe("x".repeat(2000));
});

test.each([
  ["", "a\nb", "a\rb"],
  ["👩", "👨", `${DELETE}👨`],
  ["abc", "aXbc", `${DELETE}${DELETE}Xbc`],
  ["same", "same", ""],
])("from %j to %j", (before, after, keys) => expect(keysFor(before, after)).toBe(keys));
