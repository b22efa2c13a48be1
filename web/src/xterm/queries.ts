/**
 * Keeps an emulator from answering the questions that programs put to a terminal: the service answers them, always and only. An
 * answer of a browser would come once for each that looks on, and again from history, and stand at a shell prompt as if typed.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";

/** Device attributes, status and cursor position, mode and keyboard reports: `CSI prefix … intermediates final`. */
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
  { prefix: "?", final: "S" },
];
/** DECRQSS and XTGETTCAP. */
const DEVICE: ReadonlyArray<{ intermediates: string; final: string }> = [
  { intermediates: "$", final: "q" },
  { intermediates: "+", final: "q" },
];
/** Window reports share their letter with commands: 11 to 21 ask, the rest act. */
const WINDOW_QUESTIONS: readonly number[] = [11, 13, 14, 15, 16, 18, 19, 20, 21];
/** Colours (the palette, foreground, background, cursor, selection) and the clipboard. Setting one is no question. */
const SETTABLE: readonly number[] = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 52];
/** The mode in which a terminal says that it got or lost the focus. */
const FOCUS_MODE = 1004;
const FOCUS_REPORTS: readonly string[] = ["\x1b[I", "\x1b[O"];

/** No question reaches what registered before: for the emulator itself, and again after an addon that answers some. */
export function ignoreQuestions({ parser }: Terminal): IDisposable[] {
  const swallow = () => true;
  return [
    ...CONTROL.map((id) => parser.registerCsiHandler(id, swallow)),
    ...DEVICE.map((id) => parser.registerDcsHandler(id, swallow)),
    ...SETTABLE.map((id) => parser.registerOscHandler(id, (data) => data.split(";").includes("?"))),
    parser.registerCsiHandler({ final: "t" }, ([what]) => WINDOW_QUESTIONS.includes(Number(what))),
  ];
}

/** The emulator answers nothing from now on; what people do in it goes to `typed`. */
export function listenWithoutAnswers(terminal: Terminal, typed: (text: string) => void): IDisposable[] {
  const { parser } = terminal;
  // Switching that mode on makes xterm.js report at once, which is an answer; what follows are events.
  let switching = false;
  return [
    ...ignoreQuestions(terminal),
    parser.registerCsiHandler({ prefix: "?", final: "h" }, (modes) => {
      if (!modes.includes(FOCUS_MODE)) return false;
      switching = true;
      // The terminal's own handler runs next, and before anything else does.
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
