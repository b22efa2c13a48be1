/**
 * Opens xterm.js in an element for as long as the component is mounted, and keeps its settings as the page wants them.
 */

"use client";

import type { ITerminalOptions } from "@xterm/xterm";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../core/index.ts";
import { type OpenTerminal, openTerminal, type TerminalEars } from "../xterm/index.ts";

/** What of the emulator follows the page. */
export type Settings = Pick<
  ITerminalOptions,
  "theme" | "minimumContrastRatio" | "fontFamily" | "cursorBlink" | "screenReaderMode" | "disableStdin"
>;

/** The terminal once it stands; `ears` may be others with every render. */
export function useTerminal(
  host: RefObject<HTMLDivElement | null>,
  client: TerminalClient,
  settings: Settings,
  fontSize: number,
  options: ITerminalOptions | undefined,
  ears: TerminalEars,
): OpenTerminal | null {
  const [opened, setOpened] = useState<OpenTerminal | null>(null);
  const latest = useRef({ settings, fontSize, options, ears });
  useEffect(() => {
    latest.current = { settings, fontSize, options, ears };
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let gone = false;
    let terminal: OpenTerminal | undefined;
    const open = async () => {
      // Strict mode mounts, unmounts and mounts again at once: only the last one opens anything.
      await Promise.resolve();
      if (gone) return;
      const { settings, fontSize, options } = latest.current;
      terminal = await openTerminal(element, client, { ...settings, fontSize, ...options }, lateEars(latest));
      if (gone) terminal.dispose();
      else setOpened(terminal);
    };
    open();
    return () => {
      gone = true;
      terminal?.dispose();
      setOpened(null);
    };
  }, [host, client]);

  const { theme, minimumContrastRatio, fontFamily, cursorBlink, screenReaderMode, disableStdin } = settings;
  useEffect(() => {
    if (!opened) return;
    const wanted = { theme, minimumContrastRatio, fontFamily, cursorBlink, screenReaderMode, disableStdin };
    const said = Object.entries(wanted).filter(([, value]) => value !== undefined);
    Object.assign(opened.terminal.options, Object.fromEntries(said));
    opened.fit();
  }, [opened, theme, minimumContrastRatio, fontFamily, cursorBlink, screenReaderMode, disableStdin]);

  useEffect(() => opened?.setFontSize(fontSize), [opened, fontSize]);
  return opened;
}

/** Asks the page's latest ears, whenever that is. */
function lateEars(latest: RefObject<{ ears: TerminalEars }>): TerminalEars {
  return {
    copyOnSelect: () => latest.current.ears.copyOnSelect?.() === true,
    confirmPaste: async (text) => (await latest.current.ears.confirmPaste?.(text)) !== false,
    onAction: (action) => latest.current.ears.onAction?.(action),
    onBell: () => latest.current.ears.onBell?.(),
    onProgramCopied: (characters) => latest.current.ears.onProgramCopied?.(characters),
    onControl: (down) => latest.current.ears.onControl?.(down),
  };
}
