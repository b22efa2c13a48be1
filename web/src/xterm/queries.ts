/**
 * Keeps an emulator from answering questions that programs put to a terminal. History is full of them, and an answer to an old
 * one arrives at a shell prompt as if it had been typed.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";

/** Device attributes, status and cursor position, mode and window reports: `CSI prefix … intermediates final`. */
const CONTROL: ReadonlyArray<{ prefix?: string; intermediates?: string; final: string }> = [
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
];
/** Window reports share their letter with commands: 11 to 21 ask, the rest act. */
const WINDOW_QUESTIONS: readonly number[] = [11, 13, 14, 15, 16, 18, 19, 20, 21];
/** Colours: the palette, foreground, background, cursor, selection. Setting one is no question. */
const COLOURS: readonly number[] = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

/** While `muted` says so, questions are swallowed. */
export function muteQueries(terminal: Terminal, muted: () => boolean): IDisposable[] {
  const { parser } = terminal;
  return [
    ...CONTROL.map((id) => parser.registerCsiHandler(id, muted)),
    parser.registerCsiHandler({ final: "t" }, ([what]) => muted() && WINDOW_QUESTIONS.includes(Number(what))),
    parser.registerDcsHandler({ intermediates: "$", final: "q" }, muted),
    parser.registerDcsHandler({ intermediates: "+", final: "q" }, muted),
    ...COLOURS.map((id) => parser.registerOscHandler(id, (data) => muted() && data.includes("?"))),
  ];
}
