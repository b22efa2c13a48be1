/**
 * Opens xterm.js in an element while the component is mounted, and keeps its settings up to date.
 */

"use client";

import type { ITerminalOptions } from "@xterm/xterm";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../core/index.ts";
import {
  type OpenTerminal,
  openTerminal,
  type PagePolicy,
  type TerminalHandlers,
  themeColours,
} from "../xterm/index.ts";
import { isStyleBlocked } from "./style.ts";

/** Emulator options that follow the props. */
export type Settings = Pick<
  ITerminalOptions,
  "theme" | "minimumContrastRatio" | "fontFamily" | "screenReaderMode" | "disableStdin" | "macOptionIsMeta"
>;

/** Another emulator is opened this often within a minute, since the screen itself may be what it fails on. */
const MAX_FAILURES = 3;
const FAILURE_MEMORY_MS = 60_000;

export interface TerminalView {
  /** The terminal once it is open. */
  opened: OpenTerminal | null;
  /** True if no terminal can be shown. */
  failed: boolean;
  /** Tries again. */
  retry(): void;
}

/** `handlers` may change with every render. */
export function useTerminal(
  host: RefObject<HTMLDivElement | null>,
  client: TerminalClient,
  settings: Settings,
  fontSize: number,
  options: ITerminalOptions | undefined,
  handlers: TerminalHandlers,
  policy: PagePolicy,
): TerminalView {
  const [opened, setOpened] = useState<OpenTerminal | null>(null);
  const [failed, setFailed] = useState(false);
  /** Number of the emulator, which is replaced if it fails. */
  const [generation, setGeneration] = useState(0);
  const failures = useRef<number[]>([]);
  const hadFocus = useRef(false);
  const latest = useRef({ settings, fontSize, options, handlers, policy });
  useEffect(() => {
    latest.current = { settings, fontSize, options, handlers, policy };
  });

  useEffect(() => {
    return client.onNotice(({ kind }) => {
      if (kind !== "redrawn") return;
      const now = performance.now();
      failures.current = [...failures.current.filter((at) => now - at < FAILURE_MEMORY_MS), now];
      if (failures.current.length > MAX_FAILURES) setFailed(true);
      else setGeneration((before) => before + 1);
    });
  }, [client]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each generation is another emulator
  useEffect(() => {
    const element = host.current;
    if (!element || failed) return;
    let gone = false;
    let terminal: OpenTerminal | undefined;
    const open = async () => {
      // Strict mode mounts, unmounts and mounts again at once; only the last mount opens a terminal.
      await Promise.resolve();
      if (gone) return;
      // Without styles, the element would never get a size.
      if (isStyleBlocked()) throw new Error("The page's policy blocks the styles of the terminal: set `nonce`.");
      const { settings, fontSize, options, policy } = latest.current;
      const all = { ...settings, fontSize, ...options };
      terminal = await openTerminal(element, client, all, latestHandlers(latest), policy);
      if (gone) return terminal.dispose();
      if (hadFocus.current) terminal.terminal.focus();
      setOpened(terminal);
    };
    open().catch((error) => {
      if (!gone) setFailed(true);
      // For the console.
      throw error;
    });
    return () => {
      gone = true;
      hadFocus.current = element.contains(document.activeElement);
      terminal?.dispose();
      setOpened(null);
    };
  }, [host, client, failed, generation]);

  const { theme, minimumContrastRatio, fontFamily, screenReaderMode, disableStdin, macOptionIsMeta } = settings;
  useEffect(() => {
    if (!opened) return;
    const look = { theme, minimumContrastRatio, fontFamily };
    const all = { ...look, screenReaderMode, disableStdin, macOptionIsMeta };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    Object.assign(opened.terminal.options, Object.fromEntries(given));
    client.setTheme(themeColours(opened.terminal.options.theme));
    opened.fit();
  }, [opened, client, theme, minimumContrastRatio, fontFamily, screenReaderMode, disableStdin, macOptionIsMeta]);

  useEffect(() => opened?.setFontSize(fontSize), [opened, fontSize]);
  const retry = () => {
    failures.current = [];
    setFailed(false);
  };
  return { opened, failed, retry };
}

/** Calls the latest handlers. */
function latestHandlers(latest: RefObject<{ handlers: TerminalHandlers }>): TerminalHandlers {
  return {
    copyOnSelect: () => latest.current.handlers.copyOnSelect?.() === true,
    marksCommands: () => latest.current.handlers.marksCommands?.() === true,
    predict: () => latest.current.handlers.predict?.() ?? "auto",
    confirmPaste: async (text) => (await latest.current.handlers.confirmPaste?.(text)) !== false,
    onAction: (action) => latest.current.handlers.onAction?.(action),
    onBell: () => latest.current.handlers.onBell?.(),
    onProgramCopied: (characters) => latest.current.handlers.onProgramCopied?.(characters),
    onCopyRefused: () => latest.current.handlers.onCopyRefused?.(),
    ownMenu: () => latest.current.handlers.ownMenu?.() === true,
    onMenu: (at, cause) => latest.current.handlers.onMenu?.(at, cause),
    onPinch: (pixels) => latest.current.handlers.onPinch?.(pixels),
    onReadOnly: () => latest.current.handlers.onReadOnly?.(),
    onFits: (fits) => latest.current.handlers.onFits?.(fits),
    onModifiers: (held) => latest.current.handlers.onModifiers?.(held),
    onSelection: (selected) => latest.current.handlers.onSelection?.(selected),
  };
}
