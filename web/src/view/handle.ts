/**
 * The component's props and its handle.
 */

import type { ITerminalOptions, ITheme, Terminal } from "@xterm/xterm";
import type { ReactNode } from "react";
import type { PredictMode, TerminalClient } from "../core/index.ts";
import type { ThemeName } from "../xterm/index.ts";

/** Controls an open terminal. */
export interface TermgateHandle {
  focus(): void;
  /** Opens the find bar with this text, or with the selection. */
  search(text?: string): void;
  /** Copies scrollback and screen; false if the browser refused. */
  copyAll(): Promise<boolean>;
  /** Saves scrollback and screen as a text file. */
  download(fileName?: string): void;
  /** Brings files to the directory of the shell; without any, opens the browser's dialog, which takes a click or a key. */
  upload(files?: readonly File[]): void;
  /** Clears the scrollback; the prompt stays. */
  clear(): void;
  /**
   * Offers a line of a lesson: it appears over the terminal with a button that types it at the prompt, without Enter, and one
   * that copies it. The returned function takes the offer away. Throws a `TypeError` for a line of more than 1024 bytes or with
   * other than printable characters.
   */
  offer(line: string): () => void;
  /** In pixels, from 6 to 40. */
  setFontSize(pixels: number): void;
  /** The xterm.js terminal. */
  terminal: Terminal;
}

/** Props of `<TermgateTerminal>`, besides a `ref` to its handle. All except `options` may change at any time. */
export interface TermgateTerminalProps {
  /** From `useTerminalApiGateway`, or created by the page. */
  client: TerminalClient;
  /** `system`, the default, follows the preferences for colours and contrast. */
  theme?: ThemeName | "system";
  /** Overrides the colours of the theme. */
  palette?: ITheme;
  /** In pixels; 14 by default, and after Ctrl-0. */
  fontSize?: number;
  fontFamily?: string;
  /** Copies a selection at once. Default false. */
  copyOnSelect?: boolean;
  /** Asks before a paste of several lines that would run one by one. Default true. */
  warnBeforePaste?: boolean;
  /** The right mouse button, Shift-F10 and a long press open the terminal's own menu; with Shift, the browser's. Default true. */
  contextMenu?: boolean;
  /**
   * Marks the commands of the shell, and goes from prompt to prompt with Ctrl-Up and Ctrl-Down, or Cmd. Read when the terminal
   * opens. Default false: the service sends two more messages for each command.
   */
  marksCommands?: boolean;
  /** Shows keys before their echo, where that is certain: `auto`, the default, on connections with noticeable delay. */
  predict?: PredictMode;
  /** On a Mac, sends Option as Meta instead of typing its characters. Default false: many layouts need it for `@` or `|`. */
  macOptionIsMeta?: boolean;
  /** Reports output to a screen reader. Default false: slow with much output. */
  screenReader?: boolean;
  /** Shows the status line below the terminal. Default true. */
  statusLine?: boolean;
  /** Shows keys that touch keyboards lack. Default: if the pointer is a finger. */
  touchKeys?: boolean;
  /**
   * Offers to bring files to the shell and to save those that programs offer: over HTTP where the page reaches the service,
   * and otherwise through the gateway. Default true.
   */
  files?: boolean;
  /** Offers the session's owner to raise a hand, as in a class. Default false. */
  raisesHand?: boolean;
  /** Accessible name. Default `Terminal`. */
  label?: string;
  /** The page's own elements in the status line. */
  children?: ReactNode;
  /** Shown in the status line once the session is over. */
  whenEnded?: ReactNode;
  /** Other options of xterm.js; read when the terminal opens. */
  options?: ITerminalOptions;
  className?: string;
  /** False on a page whose Content-Security-Policy lacks `'wasm-unsafe-eval'`, which images need. Default true. */
  images?: boolean | undefined;
  /** The nonce of the page's Content-Security-Policy for styles. */
  nonce?: string | undefined;
  /** Receives the handle once the terminal is open, and `null` when it is unmounted. */
  onReady?: (handle: TermgateHandle | null) => void;
  onBell?: () => void;
  /** The user changed the font size with Ctrl-plus, Ctrl-minus, Ctrl-0 or two fingers. */
  onFontSize?: (pixels: number) => void;
}
