/**
 * Opens a terminal in an element: loads xterm.js and its addons, and connects them with the client. Loaded dynamically,
 * because xterm.js cannot be imported on a server.
 */

import type { ITerminalOptions, Terminal } from "@xterm/xterm";
import { mayType, type PredictMode, type TerminalClient } from "../core/index.ts";
import { cursorPlace, lineHeight } from "./cells.ts";
import { copyText, copyWhenSelected } from "./clipboard.ts";
import type { CommandMarks } from "./command-marks.ts";
import { hasSize, TerminalFitter } from "./fitter.ts";
import { type Action, actionOf, isApple, isText } from "./keys.ts";
import { LinkTooltip } from "./link-tooltip.ts";
import { linkHandler } from "./links.ts";
import { openMenuByMouse } from "./menu.ts";
import { documentWithNonce, isUnstyled, withNonce } from "./nonce-document.ts";
import { loadOptionalAddons } from "./optional-addons.ts";
import { runsLineByLine, stripControls } from "./paste.ts";
import { revealBrowser } from "./platform.ts";
import { loadWebgl } from "./renderer.ts";
import { followAfterErase, followAfterResize, scrollByWheel } from "./scroll.ts";
import { openSearch, type Search } from "./search.ts";
import { showComposition, TextInput } from "./text-input.ts";
import { MIN_CONTRAST, THEMES } from "./themes.ts";
import { type GestureHandlers, TouchGestures } from "./touch-gestures.ts";
import { type Modifiers, TouchKeys } from "./touch-keys.ts";
import { installWidths } from "./widths.ts";

/** Decisions and reactions of the page; each is called when it is needed. */
export interface TerminalHandlers extends GestureHandlers {
  /** True to copy each selection at once. */
  copyOnSelect?(): boolean;
  /** Decides about a paste of several lines that would run one by one. Without it, they are pasted. */
  confirmPaste?(text: string): Promise<boolean>;
  /** Where keys may be shown before their echo: by default `auto`, which means where the echo takes noticeable time. */
  predict?(): PredictMode;
  /** True to mark the commands of the shell, which the service then tells of. */
  marksCommands?(): boolean;
  /** A keyboard shortcut that the page handles. */
  onAction?(action: Exclude<Action, "copy" | "paste" | "menu" | "up" | "down">): void;
  onBell?(): void;
  /** Receives the number of characters that a program copied; null if the browser refused. */
  onProgramCopied?(characters: number | null): void;
  /** The browser refused to copy what the user selected. */
  onCopyRefused?(): void;
  /** The user typed or pasted, but may only watch. */
  onReadOnly?(): void;
  /** False while the terminal has the size of another window of its session. */
  onFits?(fits: boolean): void;
  /** The sticky modifiers of the touch keys changed. */
  onModifiers?(held: Modifiers): void;
  /** Text was selected, or no text is selected any more. */
  onSelection?(selected: boolean): void;
}

/** Permissions of the page's Content-Security-Policy. */
export interface PagePolicy {
  /** The nonce for styles. */
  nonce?: string | undefined;
  /** False without `'wasm-unsafe-eval'`, which images need. */
  images?: boolean | undefined;
}

export interface OpenTerminal {
  terminal: Terminal;
  touch: TouchKeys;
  /** The commands of the shell, where they are marked. */
  commands: CommandMarks | undefined;
  /** Pastes like the clipboard: strips control characters, and asks `confirmPaste` if necessary. */
  paste(text: string): void;
  /** Fits the terminal to its element again, for example after a change of font. */
  fit(): void;
  /** In pixels; a viewer's font stays as large as fits. */
  setFontSize(pixels: number): void;
  search(): Promise<Search>;
  dispose(): void;
}

/**
 * Opens a terminal in `element`, once that has a size, and shows the client's session in it. Rejects if it cannot be
 * shown.
 */
export async function openTerminal(
  element: HTMLElement,
  client: TerminalClient,
  options: ITerminalOptions = {},
  handlers: TerminalHandlers = {},
  { nonce, images = true }: PagePolicy = {},
): Promise<OpenTerminal> {
  revealBrowser();
  const [{ Terminal }, { FitAddon }, { TermgateAddon }] = await Promise.all([
    import("@xterm/xterm"),
    import("@xterm/addon-fit"),
    import("./addon.ts"),
    hasSize(element),
  ]);
  const tooltip = new LinkTooltip(element);
  const links = linkHandler(tooltip);
  const terminal = new Terminal({
    ...{ ...DEFAULTS, linkHandler: links, ...options, allowProposedApi: true },
    ...(nonce && { documentOverride: documentWithNonce(document, nonce) }),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  installWidths(terminal);
  const stops: Array<() => void> = [() => tooltip.hide()];
  if (nonce) stops.push(withNonce(document, nonce, () => terminal.open(element)));
  else terminal.open(element);
  if (isUnstyled(element)) {
    for (const stop of stops) stop();
    terminal.dispose();
    throw new Error("The terminal has no styles: set `nonce`, or import `@xterm/xterm/css/xterm.css`.");
  }
  let disposed = false;
  let fitter: TerminalFitter | undefined;
  // The renderer comes first, because cell sizes differ between the two.
  await loadWebgl(terminal, () => fitter?.layout());
  const commands = handlers.marksCommands?.()
    ? new (await import("./command-marks.ts")).CommandMarks(client)
    : undefined;
  const predict = () => handlers.predict?.() ?? "auto";
  const touch: TouchKeys = new TouchKeys(
    terminal,
    (held) => handlers.onModifiers?.(held),
    () => text?.flush(),
  );
  const text = terminal.textarea && typeInto(element, terminal, terminal.textarea, touch);
  fitter = new TerminalFitter(element, terminal, fit, client, terminal.options.fontSize ?? DEFAULTS.fontSize, (fits) =>
    handlers.onFits?.(fits),
  );
  fitter.layout();
  if (commands) terminal.loadAddon(commands);
  const termgate = new TermgateAddon(client, (text) => touch.transform(text), predict);
  terminal.loadAddon(termgate);
  terminal.attachCustomKeyEventHandler((event) => handleKey(event, terminal, client, handlers, commands));
  const paste = (pasted: string) => {
    text?.flush();
    pasteInto(terminal, client, handlers, pasted);
  };
  stops.push(
    copyWhenSelected(
      element,
      terminal,
      () => handlers.copyOnSelect?.() === true,
      (text) => copy(text, handlers),
    ),
    interceptPaste(element, paste),
  );
  scrollByWheel(terminal, () => lineHeight(terminal));
  followAfterErase(terminal);
  followAfterResize(terminal);
  stops.push(moveCursorByClick(terminal, client));
  const gestures = new TouchGestures(element, terminal, handlers);
  stops.push(() => gestures.dispose(), openMenuByMouse(element, terminal, handlers));
  stops.push(() => text?.dispose());
  terminal.onBell(() => handlers.onBell?.());
  terminal.onSelectionChange(() => handlers.onSelection?.(terminal.hasSelection()));
  const addons = {
    ...{ links, images, termgate },
    mayWriteClipboard: () => mayType(client.state) && document.hasFocus(),
    onProgramCopied: (characters: number | null) => handlers.onProgramCopied?.(characters),
  };
  // The terminal works without them.
  loadOptionalAddons(terminal, addons, () => disposed).catch(() => {});
  let search: Promise<Search> | undefined;
  return {
    terminal,
    touch,
    commands,
    paste,
    fit: () => fitter.layout(),
    setFontSize: (pixels) => fitter.setFont(pixels),
    search() {
      search ??= openSearch(terminal);
      return search;
    },
    dispose() {
      disposed = true;
      for (const stop of stops) stop();
      fitter.dispose();
      terminal.dispose();
      element.removeAttribute("data-boxed");
    },
  };
}

const DEFAULTS = {
  fontFamily: 'ui-monospace, "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 14,
  // 1.0 cuts off the underscores of some fonts.
  lineHeight: 1.1,
  scrollback: 10_000,
  macOptionClickForcesSelection: true,
  theme: THEMES.dark,
  minimumContrastRatio: MIN_CONTRAST.dark,
} satisfies ITerminalOptions;

/** Alt-click types cursor keys: not to a program that reads lines, and would show them. */
function moveCursorByClick(terminal: Terminal, client: TerminalClient): () => void {
  if (terminal.options.altClickMovesCursor === false) return () => {};
  const follow = () => {
    terminal.options.altClickMovesCursor = !client.state.tty.canonical;
  };
  follow();
  return client.subscribe(follow);
}

/** Types what input methods write. */
function typeInto(element: HTMLElement, terminal: Terminal, field: HTMLTextAreaElement, touch: TouchKeys): TextInput {
  return new TextInput(element, field, {
    type: (text) => terminal.input(text),
    isModified: () => touch.modified,
    keepsKeys: () => terminal.options.screenReaderMode === true,
    onComposing: (text) => showComposition(terminal, text),
  });
}

/** Returns true if the emulator gets the key. */
function handleKey(
  event: KeyboardEvent,
  terminal: Terminal,
  client: TerminalClient,
  handlers: TerminalHandlers,
  commands: CommandMarks | undefined,
): boolean {
  const action = actionOf(event, isApple());
  if (!action) {
    const watches = !mayType(client.state);
    if (watches && event.type === "keydown" && isText(event)) handlers.onReadOnly?.();
    return true;
  }
  // The browser itself pastes, which needs no permission to read the clipboard.
  if (action === "paste") return false;
  if (action === "menu" && handlers.ownMenu?.() !== true) return true;
  // Where there is no prompt to go to, the key is the program's.
  if (action === "up" || action === "down") return event.type !== "keydown" || !commands?.jump(action) || stop(event);
  event.preventDefault();
  if (event.type !== "keydown") return false;
  if (action === "menu") handlers.onMenu?.(cursorPlace(terminal), "keyboard");
  else if (action !== "copy") handlers.onAction?.(action);
  else if (terminal.hasSelection()) copy(terminal.getSelection(), handlers);
  return false;
}

/** The emulator does not get the key. */
function stop(event: KeyboardEvent): false {
  event.preventDefault();
  return false;
}

function copy(text: string, handlers: TerminalHandlers): void {
  copyText(text).then((done) => done || handlers.onCopyRefused?.());
}

/** Pastes text without control characters, after a question if it would run line by line. */
function pasteInto(terminal: Terminal, client: TerminalClient, handlers: TerminalHandlers, raw: string): void {
  const { confirmPaste } = handlers;
  const text = stripControls(raw);
  if (text === "") return;
  if (!mayType(client.state)) return handlers.onReadOnly?.();
  if (!confirmPaste || !runsLineByLine(text, terminal.modes.bracketedPasteMode)) return terminal.paste(text);
  confirmPaste(text).then((yes) => {
    if (yes) terminal.paste(text);
    terminal.focus();
  });
}

/** Replaces the emulator's own paste handler. The returned function restores it. */
function interceptPaste(element: HTMLElement, paste: (text: string) => void): () => void {
  const intercept = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopPropagation();
    paste(event.clipboardData?.getData("text/plain") ?? "");
  };
  element.addEventListener("paste", intercept, { capture: true });
  return () => element.removeEventListener("paste", intercept, { capture: true });
}
