/**
 * What a page gives to the component, and what it can do with it.
 */

import type { ITerminalOptions, ITheme, Terminal } from "@xterm/xterm";
import type { ReactNode } from "react";
import type { TerminalClient } from "../core/index.ts";
import type { ThemeName } from "../xterm/index.ts";

/** A terminal that stands. */
export interface TermgateHandle {
  focus(): void;
  /** Opens the find bar, with this text or what is selected. */
  search(text?: string): void;
  /** Copies scrollback and screen; whether the browser let it. */
  copyAll(): Promise<boolean>;
  /** Saves scrollback and screen as a text file. */
  download(fileName?: string): void;
  /** Forgets the scrollback; the prompt stays. */
  clear(): void;
  /** In pixels, from 6 to 40. */
  setFontSize(pixels: number): void;
  /** The emulator itself, for what is not here. */
  terminal: Terminal;
}

/** What `<TermgateTerminal>` takes besides a `ref` to its handle. Every one but `client` may be left out, and all may change at any time but `options`. */
export interface TermgateTerminalProps {
  /** Of `useTerminalApiGateway`, or one that the page has made itself. */
  client: TerminalClient;
  /** `system` follows what the person has told the system about colours and contrast. Default `system`. */
  theme?: ThemeName | "system";
  /** Other colours than those of the theme. */
  palette?: ITheme;
  /** In pixels. Default 14, which is also what Ctrl-0 goes back to. */
  fontSize?: number;
  fontFamily?: string;
  /** Copies what is selected as soon as it is. Default false. */
  copyOnSelect?: boolean;
  /** Asks before lines are pasted that would run one after the other. Default true. */
  warnBeforePaste?: boolean;
  /** Tells a screen reader what is printed. Default false: it costs time with much output. */
  screenReader?: boolean;
  /** Shows the line below the terminal. Default true. */
  statusLine?: boolean;
  /** Shows keys that a telephone has not. By default where a finger is the pointer. */
  touchKeys?: boolean;
  /** Names the terminal for a screen reader. Default `Terminal`. */
  label?: string;
  /** More of the page's own in the status line. */
  children?: ReactNode;
  /** What the status line offers once the session is over. */
  whenEnded?: ReactNode;
  /** Anything else of xterm.js; read when the terminal opens. */
  options?: ITerminalOptions;
  className?: string;
  /** The terminal stands; called with `null` when it goes. */
  onReady?: (handle: TermgateHandle | null) => void;
  onBell?: () => void;
  /** A person has changed it with Ctrl-plus, Ctrl-minus or Ctrl-0. */
  onFontSize?: (pixels: number) => void;
}
