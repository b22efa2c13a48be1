/**
 * Keys that touch keyboards lack or hide. They never take the focus, which would close the keyboard.
 */

"use client";

import type { Modifiers, TouchKey, TouchKeys } from "../xterm/index.ts";

const KEYS: ReadonlyArray<{ key: TouchKey; text: string; name: string }> = [
  { key: "Escape", text: "Esc", name: "Escape" },
  { key: "Tab", text: "Tab", name: "Tab" },
  { key: "ArrowLeft", text: "←", name: "Left" },
  { key: "ArrowDown", text: "↓", name: "Down" },
  { key: "ArrowUp", text: "↑", name: "Up" },
  { key: "ArrowRight", text: "→", name: "Right" },
  { key: "Home", text: "Home", name: "Home" },
  { key: "End", text: "End", name: "End" },
  { key: "PageUp", text: "PgUp", name: "Page up" },
  { key: "PageDown", text: "PgDn", name: "Page down" },
];
const MODIFIERS: ReadonlyArray<{ modifier: keyof Modifiers; text: string; name: string }> = [
  { modifier: "control", text: "Ctrl", name: "Control" },
  { modifier: "alt", text: "Alt", name: "Alt" },
];
/** Characters on the second or third page of touch keyboards. */
const CHARACTERS = ["|", "/"];

interface TouchRowProps {
  /** Absent if the user may only watch. */
  keys: TouchKeys | undefined;
  /** The modifiers that apply to the next key. */
  held: Modifiers;
  onPaste: () => void;
  /** Absent if nothing is selected. */
  onCopy: (() => void) | undefined;
}

export function TouchRow({ keys, held, onPaste, onCopy }: TouchRowProps) {
  if (!keys && !onCopy) return null;
  return (
    <div
      className="tg-keys"
      role="toolbar"
      aria-label="Keys"
      onPointerDown={(event) => event.preventDefault()}
      onMouseDown={(event) => event.preventDefault()}
    >
      {keys &&
        MODIFIERS.map(({ modifier, text, name }) => (
          <button
            type="button"
            key={modifier}
            aria-pressed={held[modifier]}
            aria-label={name}
            onClick={() => keys.toggle(modifier)}
          >
            {text}
          </button>
        ))}
      {keys &&
        KEYS.map(({ key, text, name }) => (
          <button type="button" key={key} aria-label={name} onClick={() => keys.press(key)}>
            {text}
          </button>
        ))}
      {keys &&
        CHARACTERS.map((character) => (
          <button type="button" key={character} onClick={() => keys.type(character)}>
            {character}
          </button>
        ))}
      {keys && (
        <button type="button" onClick={onPaste}>
          Paste
        </button>
      )}
      {onCopy && (
        <button type="button" onClick={onCopy}>
          Copy
        </button>
      )}
    </div>
  );
}
