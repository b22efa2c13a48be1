/**
 * Opens a ready terminal in an element of the page: xterm.js with the addons that it needs to look and measure right, and the
 * rest once it stands. Everything of xterm.js is loaded here and not before, because it cannot be loaded where there is no browser.
 */

import type { ITerminalOptions, Terminal } from "@xterm/xterm";
import type { TerminalClient } from "../core/index.ts";
import { copyText, copyWhenSelected } from "./clipboard.ts";
import { Fitting, sized } from "./fitter.ts";
import { type Action, actionOf, isApple } from "./keys.ts";
import { linkHandler } from "./links.ts";
import { loadExtras } from "./optional-addons.ts";
import { harmless, runsLines } from "./paste.ts";
import { accelerate } from "./renderer.ts";
import { openSearch, type Search } from "./search.ts";
import { LEAST_CONTRAST, THEMES } from "./themes.ts";
import { TouchKeys } from "./touch-keys.ts";

/** What the page decides and hears; each is asked when it matters. */
export interface TerminalEars {
  /** Copies as soon as something is selected. */
  copyOnSelect?(): boolean;
  /** Whether lines may be pasted that would run one after the other. Without it, they are. */
  confirmPaste?(text: string): Promise<boolean>;
  /** A key of the terminal's own that the page acts upon. */
  onAction?(action: Exclude<Action, "copy" | "paste">): void;
  onBell?(): void;
  /** A program put so many characters onto the clipboard; `null` where the browser refused. */
  onProgramCopied?(characters: number | null): void;
  /** The touch row's Ctrl is down for the next character. */
  onControl?(down: boolean): void;
}

/** What was opened. */
export interface OpenTerminal {
  terminal: Terminal;
  /** Keys for a finger. */
  touch: TouchKeys;
  /** As if it came from the clipboard: without control characters, and with a question where there is one. */
  paste(text: string): void;
  /** Fits the terminal to its element again, for example after the font changed. */
  fit(): void;
  /** In pixels; a viewer's stays as large as fits. */
  setFontSize(pixels: number): void;
  search(): Promise<Search>;
  dispose(): void;
}

/** Opens a terminal in `element`, as soon as that has a size, and shows the client's session in it. */
export async function openTerminal(
  element: HTMLElement,
  client: TerminalClient,
  options: ITerminalOptions = {},
  ears: TerminalEars = {},
): Promise<OpenTerminal> {
  const [{ Terminal }, { FitAddon }, { Unicode11Addon }, { TermgateAddon }] = await Promise.all([
    import("@xterm/xterm"),
    import("@xterm/addon-fit"),
    import("@xterm/addon-unicode11"),
    import("./addon.ts"),
    sized(element),
  ]);
  const links = linkHandler(element);
  const terminal = new Terminal({ ...DEFAULTS, linkHandler: links, ...options, allowProposedApi: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  // The service counts columns by Unicode 11 too. By graphemes, which nothing there does, a family of emoji would be two columns
  // wide here and six there, and the rest of its line would stand elsewhere after a reload.
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  terminal.open(element);
  const stops: Array<() => void> = [];
  let gone = false;
  let fitting: Fitting | undefined;
  // First how it draws, then how much fits: cells differ a little between the two ways.
  await accelerate(terminal, () => fitting?.layout());
  const touch = new TouchKeys(terminal, (down) => ears.onControl?.(down));
  fitting = new Fitting(element, terminal, fit, client, terminal.options.fontSize ?? DEFAULTS.fontSize);
  fitting.layout();
  terminal.loadAddon(new TermgateAddon(client, (text) => touch.typed(text)));
  terminal.attachCustomKeyEventHandler((event) => handleKey(event, terminal, ears));
  const paste = (text: string) => pasteInto(terminal, client, ears, text);
  stops.push(
    copyWhenSelected(element, terminal, () => ears.copyOnSelect?.() === true),
    takePastes(element, paste),
  );
  terminal.onBell(() => ears.onBell?.());
  const extras = {
    links,
    mayWriteClipboard: () => client.state.role === "controller" && document.hasFocus(),
    onProgramCopied: (characters: number | null) => ears.onProgramCopied?.(characters),
  };
  // Without them it is still a terminal.
  loadExtras(terminal, extras, () => gone).catch(() => {});
  let search: Promise<Search> | undefined;
  return {
    terminal,
    touch,
    paste,
    fit: () => fitting.layout(),
    setFontSize: (pixels) => fitting.setFont(pixels),
    search() {
      search ??= openSearch(terminal);
      return search;
    },
    dispose() {
      gone = true;
      for (const stop of stops) stop();
      fitting.dispose();
      terminal.dispose();
      element.removeAttribute("data-boxed");
    },
  };
}

const DEFAULTS = {
  cursorBlink: true,
  fontFamily: 'ui-monospace, "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 14,
  // Rows of exactly a character's height cut off the underscores of some fonts.
  lineHeight: 1.1,
  scrollback: 10_000,
  macOptionIsMeta: true,
  macOptionClickForcesSelection: true,
  theme: THEMES.dark,
  minimumContrastRatio: LEAST_CONTRAST.dark,
} satisfies ITerminalOptions;

/** Whether the emulator gets the key. */
function handleKey(event: KeyboardEvent, terminal: Terminal, ears: TerminalEars): boolean {
  const action = actionOf(event, isApple());
  if (!action) return true;
  // The browser pastes by itself: it asks nobody for the right to read the clipboard.
  if (action === "paste") return false;
  event.preventDefault();
  if (event.type !== "keydown") return false;
  if (action !== "copy") ears.onAction?.(action);
  else if (terminal.hasSelection()) copyText(terminal.getSelection());
  return false;
}

/** Pastes come as text and nothing else, and as one question where they would run line by line. */
function pasteInto(terminal: Terminal, client: TerminalClient, { confirmPaste }: TerminalEars, raw: string): void {
  const text = harmless(raw);
  if (text === "" || client.state.role === "viewer") return;
  if (!confirmPaste || !runsLines(text, terminal.modes.bracketedPasteMode)) return terminal.paste(text);
  confirmPaste(text).then((yes) => {
    if (yes) terminal.paste(text);
    terminal.focus();
  });
}

/** Instead of the emulator's own way, which takes everything. The answer ends it. */
function takePastes(element: HTMLElement, paste: (text: string) => void): () => void {
  const take = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopPropagation();
    paste(event.clipboardData?.getData("text/plain") ?? "");
  };
  element.addEventListener("paste", take, { capture: true });
  return () => element.removeEventListener("paste", take, { capture: true });
}
