/**
 * The clipboard: copying by the user, and by programs in the shell, which can never read it.
 */

import type { IBase64, IClipboardProvider } from "@xterm/addon-clipboard";
import type { Terminal } from "@xterm/xterm";

/** Maximum length of a text that a program copies. */
export const MAX_PROGRAM_CHARACTERS = 1_000_000;
/** The OSC 52 name of the system clipboard; a program may name several. */
const SYSTEM = "c";

/** Copies a text; false if the browser refused. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** For pages without `navigator.clipboard`, which were loaded over plain HTTP. */
function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.style.cssText = "position:fixed;opacity:0";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}

/** Decodes what programs copy, also without padding; empty if it is no base64. */
export const lenientBase64: IBase64 = {
  encodeText: () => "",
  decodeText(data) {
    try {
      const bytes = Uint8Array.from(atob(data.replaceAll("=", "")), (character) => character.charCodeAt(0));
      return new TextDecoder().decode(bytes);
    } catch {
      return "";
    }
  },
};

/** The provider for OSC 52. `copied` receives the number of characters, or null if the browser refused. */
export function writeOnlyProvider(
  mayWrite: () => boolean,
  copied: (characters: number | null) => void,
): IClipboardProvider {
  return {
    readText: () => "",
    // Returns at once, so that output does not wait for the clipboard.
    writeText(selection: string, text: string) {
      if (selection !== "" && !selection.includes(SYSTEM)) return;
      if (text === "" || text.length > MAX_PROGRAM_CHARACTERS || !mayWrite()) return;
      copyText(text).then((done) => copied(done ? text.length : null));
    },
  };
}

/** Copies a selection when the mouse button is released. The returned function stops it. */
export function copyWhenSelected(
  element: HTMLElement,
  terminal: Terminal,
  enabled: () => boolean,
  copy: (text: string) => void,
): () => void {
  let changed = false;
  const selection = terminal.onSelectionChange(() => {
    changed = true;
  });
  const end = new AbortController();
  element.addEventListener(
    "pointerdown",
    () => {
      changed = false;
      // On the document, because the button may be released outside; the emulator's own listener runs first.
      const up = () => {
        const text = changed && enabled() ? terminal.getSelection() : "";
        if (text) copy(text);
      };
      document.addEventListener("mouseup", () => setTimeout(up), { once: true, signal: end.signal });
    },
    { signal: end.signal },
  );
  return () => {
    end.abort();
    selection.dispose();
  };
}
