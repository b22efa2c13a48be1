/**
 * Opens xterm.js in an element while the component is mounted, and keeps its settings up to date.
 */

"use client";

import type { ITerminalOptions } from "@xterm/xterm";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../core/index.ts";
import { type OpenTerminal, openTerminal, type TerminalHandlers } from "../xterm/index.ts";

/** Emulator options that follow the props. */
export type Settings = Pick<
  ITerminalOptions,
  "theme" | "minimumContrastRatio" | "fontFamily" | "cursorBlink" | "screenReaderMode" | "disableStdin"
>;

/** Returns the terminal once it is open. `handlers` may change with every render. */
export function useTerminal(
  host: RefObject<HTMLDivElement | null>,
  client: TerminalClient,
  settings: Settings,
  fontSize: number,
  options: ITerminalOptions | undefined,
  handlers: TerminalHandlers,
): OpenTerminal | null {
  const [opened, setOpened] = useState<OpenTerminal | null>(null);
  const latest = useRef({ settings, fontSize, options, handlers });
  useEffect(() => {
    latest.current = { settings, fontSize, options, handlers };
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let gone = false;
    let terminal: OpenTerminal | undefined;
    const open = async () => {
      // Strict mode mounts, unmounts and mounts again at once; only the last mount opens a terminal.
      await Promise.resolve();
      if (gone) return;
      const { settings, fontSize, options } = latest.current;
      terminal = await openTerminal(element, client, { ...settings, fontSize, ...options }, latestHandlers(latest));
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
    const all = { theme, minimumContrastRatio, fontFamily, cursorBlink, screenReaderMode, disableStdin };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    Object.assign(opened.terminal.options, Object.fromEntries(given));
    opened.fit();
  }, [opened, theme, minimumContrastRatio, fontFamily, cursorBlink, screenReaderMode, disableStdin]);

  useEffect(() => opened?.setFontSize(fontSize), [opened, fontSize]);
  return opened;
}

/** Calls the latest handlers. */
function latestHandlers(latest: RefObject<{ handlers: TerminalHandlers }>): TerminalHandlers {
  return {
    copyOnSelect: () => latest.current.handlers.copyOnSelect?.() === true,
    predict: () => latest.current.handlers.predict?.() ?? "auto",
    confirmPaste: async (text) => (await latest.current.handlers.confirmPaste?.(text)) !== false,
    onAction: (action) => latest.current.handlers.onAction?.(action),
    onBell: () => latest.current.handlers.onBell?.(),
    onProgramCopied: (characters) => latest.current.handlers.onProgramCopied?.(characters),
    onControl: (down) => latest.current.handlers.onControl?.(down),
  };
}
