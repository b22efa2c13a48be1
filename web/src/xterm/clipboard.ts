/**
 * The clipboard: what people copy, and what a program in the shell may put there. Programs never read it.
 */

import type { IClipboardProvider } from "@xterm/addon-clipboard";
import type { Terminal } from "@xterm/xterm";

/** Most that a program may put onto the clipboard, in characters. */
export const PROGRAM_CHARACTERS = 1_000_000;
/** X11's name for the clipboard; the others are no business of a browser. */
const SYSTEM = "c";

/** Copies a text; whether it could. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

/** Without `navigator.clipboard`, as on a page that came over plain HTTP. */
function copySelected(text: string): boolean {
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

/** What OSC 52 may do: write, from a shell that the person controls. `copied` hears how many characters, or that it was refused. */
export function writeOnly(mayWrite: () => boolean, copied: (characters: number | null) => void): IClipboardProvider {
  return {
    readText: () => "",
    // Answers at once: the output behind it does not wait for the clipboard.
    writeText(selection: string, text: string) {
      if (selection !== SYSTEM && selection !== "") return;
      if (text === "" || text.length > PROGRAM_CHARACTERS || !mayWrite()) return;
      copyText(text).then((done) => copied(done ? text.length : null));
    },
  };
}

/** Copies what is selected once the button is let go. The answer ends it. */
export function copyWhenSelected(element: HTMLElement, terminal: Terminal, wanted: () => boolean): () => void {
  let changed = false;
  const selection = terminal.onSelectionChange(() => {
    changed = true;
  });
  const end = new AbortController();
  element.addEventListener(
    "pointerdown",
    () => {
      changed = false;
      // Where it ends may be outside the terminal; the emulator's own listener runs first.
      const up = () => {
        const text = changed && wanted() ? terminal.getSelection() : "";
        if (text) copyText(text);
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
