/**
 * Keys that touch keyboards lack. They never take the focus, which would close the keyboard.
 */

"use client";

import type { TouchKey, TouchKeys } from "../xterm/index.ts";

const KEYS: ReadonlyArray<{ key: TouchKey; text: string; name: string }> = [
  { key: "Escape", text: "Esc", name: "Escape" },
  { key: "Tab", text: "Tab", name: "Tab" },
  { key: "ArrowLeft", text: "←", name: "Left" },
  { key: "ArrowDown", text: "↓", name: "Down" },
  { key: "ArrowUp", text: "↑", name: "Up" },
  { key: "ArrowRight", text: "→", name: "Right" },
];

interface TouchRowProps {
  keys: TouchKeys | undefined;
  /** True if Ctrl applies to the next character. */
  control: boolean;
  /** Absent if the browser does not let a page read the clipboard. */
  onPaste: (() => void) | undefined;
}

export function TouchRow({ keys, control, onPaste }: TouchRowProps) {
  return (
    <div
      className="tg-keys"
      role="toolbar"
      aria-label="Keys"
      onPointerDown={(event) => event.preventDefault()}
      onMouseDown={(event) => event.preventDefault()}
    >
      <button type="button" aria-pressed={control} aria-label="Control" onClick={() => keys?.toggleControl()}>
        Ctrl
      </button>
      {KEYS.map(({ key, text, name }) => (
        <button type="button" key={key} aria-label={name} onClick={() => keys?.press(key)}>
          {text}
        </button>
      ))}
      {onPaste && (
        <button type="button" onClick={onPaste}>
          Paste
        </button>
      )}
    </div>
  );
}
