/**
 * The commands of the terminal's menu, and the clipboard behind two of them.
 */

"use client";

import { useState } from "react";
import { mayType, type TerminalState } from "../core/index.ts";
import { cellAt, copyText, isApple, type MenuHandlers, type OpenTerminal, type Place } from "../xterm/index.ts";
import type { MenuItem, MenuRequest } from "./context-menu.tsx";
import type { Files } from "./files/use-files.ts";
import type { TermgateHandle } from "./handle.ts";
import { copyRefused, pasteRefused } from "./words.ts";

/** Longest selection that may be a path, in characters. */
const MAX_PATH = 1024;

export interface Clipboard {
  copySelection(): void;
  copy(text: string): void;
  paste(): void;
}

/** Copies and pastes for buttons, and says what to do where the browser refuses. */
export function clipboardOf(
  opened: OpenTerminal | null,
  coarsePointer: boolean,
  say: (text: string) => void,
): Clipboard {
  const copy = async (text: string) => {
    const done = await copyText(text);
    say(done ? "Copied" : copyRefused(coarsePointer));
    return done;
  };
  return {
    async copySelection() {
      if (await copy(opened?.terminal.getSelection() ?? "")) opened?.terminal.clearSelection();
    },
    copy,
    async paste() {
      // Absent on pages that were loaded over plain HTTP.
      const text = await navigator.clipboard?.readText?.().catch(() => undefined);
      if (text === undefined) say(pasteRefused(coarsePointer, isApple()));
      else opened?.paste(text);
    },
  };
}

interface Menu {
  /** Where the menu is open. */
  request: MenuRequest | null;
  handlers: Required<MenuHandlers>;
  close(): void;
}

export function useMenu(enabled: boolean): Menu {
  const [request, setRequest] = useState<MenuRequest | null>(null);
  return {
    request,
    handlers: {
      ownMenu: () => enabled,
      onMenu: ({ clientX, clientY }, cause) => setRequest({ at: { clientX, clientY }, cause }),
    },
    close: () => setRequest(null),
  };
}

/** The output of the command at a place; null if none has ended, and undefined where commands are not marked. */
export function outputAt(opened: OpenTerminal | null, at: Place): string | null | undefined {
  return opened?.commands && (opened.commands.outputAt(cellAt(opened.terminal, at).row) ?? null);
}

export function menuItems(
  handle: TermgateHandle,
  state: TerminalState,
  clipboard: Clipboard,
  output?: string | null,
  files?: Pick<Files, "download">,
): MenuItem[] {
  const apple = isApple();
  const keys = (letter: string) => (apple ? `Cmd-${letter}` : `Ctrl-Shift-${letter}`);
  const { terminal } = handle;
  return [
    { name: "Copy", keys: keys("C"), disabled: !terminal.hasSelection(), act: () => clipboard.copySelection() },
    { name: "Paste", keys: keys("V"), disabled: !mayType(state), act: () => clipboard.paste() },
    ...(output === undefined
      ? []
      : [{ name: "Copy command output", disabled: output === null, act: () => clipboard.copy(output ?? "") }]),
    { name: "Select all", keys: apple ? keys("A") : undefined, act: () => terminal.selectAll() },
    { name: "Find", keys: keys("F"), act: () => handle.search() },
    { name: "Clear", act: () => handle.clear() },
    { name: "Save as text file", act: () => handle.download() },
    ...(files ? fileItems(handle, files) : []),
  ];
}

/** The commands for files: the selection may be the path of one. */
function fileItems({ terminal, upload }: TermgateHandle, { download }: Pick<Files, "download">): MenuItem[] {
  const path = terminal.getSelection().trim();
  const isPath = path !== "" && path.length <= MAX_PATH && !path.includes("\n");
  return [
    { name: "Upload files", act: () => upload() },
    { name: "Download the selected file", disabled: !isPath, act: () => download(path) },
  ];
}
