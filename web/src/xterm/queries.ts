/**
 * Keeps the emulator from answering programs' terminal queries, which only the service answers. A browser's reply would
 * come once per attached page, and again for replayed history, and appear at the prompt as if typed.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";

/** Device attributes, status and cursor position, mode and keyboard reports: `CSI prefix … intermediates final`. */
const CSI_QUERIES: ReadonlyArray<{ prefix?: string; intermediates?: string; final: string }> = [
  { final: "c" },
  { prefix: ">", final: "c" },
  { prefix: "=", final: "c" },
  { final: "n" },
  { prefix: "?", final: "n" },
  { intermediates: "$", final: "p" },
  { prefix: "?", intermediates: "$", final: "p" },
  { prefix: ">", final: "q" },
  { prefix: "?", final: "u" },
  { final: "x" },
  { prefix: "?", final: "S" },
];
/** DECRQSS and XTGETTCAP. */
const DCS_QUERIES: ReadonlyArray<{ intermediates: string; final: string }> = [
  { intermediates: "$", final: "q" },
  { intermediates: "+", final: "q" },
];
/** `CSI t` is a query for these parameters, and a command for others. */
const WINDOW_QUERIES: readonly number[] = [11, 13, 14, 15, 16, 18, 19, 20, 21];
/** OSC colours (palette, foreground, background, cursor, selection) and clipboard: queries only with `?`. */
const OSC_QUERIES: readonly number[] = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 52];
/** The mode in which a terminal reports focus changes. */
const FOCUS_MODE = 1004;
const FOCUS_REPORTS: readonly string[] = ["\x1b[I", "\x1b[O"];

/** Hides queries from all handlers that are registered so far: from the emulator, or from an addon. */
export function suppressReplies({ parser }: Terminal): IDisposable[] {
  const swallow = () => true;
  return [
    ...CSI_QUERIES.map((id) => parser.registerCsiHandler(id, swallow)),
    ...DCS_QUERIES.map((id) => parser.registerDcsHandler(id, swallow)),
    ...OSC_QUERIES.map((id) => parser.registerOscHandler(id, (data) => data.split(";").includes("?"))),
    parser.registerCsiHandler({ final: "t" }, ([what]) => WINDOW_QUERIES.includes(Number(what))),
  ];
}

/** Suppresses replies of the emulator, and passes user input to `typed`. */
export function onUserInput(terminal: Terminal, typed: (text: string) => void): IDisposable[] {
  const { parser } = terminal;
  // xterm.js sends a focus report at once when the mode is enabled, which is a reply; later reports are user input.
  let switching = false;
  return [
    ...suppressReplies(terminal),
    parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => {
      if (!modes.includes(FOCUS_MODE)) return false;
      switching = true;
      // The terminal's own handler runs next, before this microtask.
      queueMicrotask(() => {
        switching = false;
      });
      return false;
    }),
    terminal.onData((text) => {
      if (!(switching && FOCUS_REPORTS.includes(text))) typed(text);
    }),
  ];
}
