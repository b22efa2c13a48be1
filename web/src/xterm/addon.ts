/**
 * Connects an xterm.js terminal with a client: bytes in both directions, sizes in both directions, and nothing left behind when
 * it is disposed.
 */

import type { IDisposable, ITerminalAddon, Terminal } from "@xterm/xterm";
import type { TerminalClient, TerminalSink } from "../core/index.ts";
import { listenWithoutAnswers } from "./queries.ts";

/** Out of the alternate screen, mouse reports, bracketed paste and scroll region. */
const LEAVE_MODES = "\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016l\x1b[?2004l\x1b[r";

/** `terminal.loadAddon(new TermgateAddon(client))`. */
export class TermgateAddon implements ITerminalAddon {
  #disposables: IDisposable[] = [];

  constructor(
    private readonly client: TerminalClient,
    /** What becomes of what people type, for example with a Ctrl that they touched before. */
    private readonly typed: (text: string) => string = (text) => text,
  ) {}

  activate(terminal: Terminal): void {
    const { client } = this;
    let fromService = false;
    const sink: TerminalSink = {
      write: (bytes, parsed) => terminal.write(bytes, parsed),
      reset(what) {
        if (what === "full") terminal.reset();
        else terminal.write(`${LEAVE_MODES}\x1b[${lastRow(terminal)};1H\r\n`);
      },
      resize(cols, rows) {
        if (cols === terminal.cols && rows === terminal.rows) return;
        fromService = true;
        terminal.resize(cols, rows);
        fromService = false;
      },
    };
    client.resize(terminal.cols, terminal.rows);
    this.#disposables = [
      ...listenWithoutAnswers(terminal, (text) => client.input(this.typed(text))),
      // One character per byte: reports of old mouse modes are no UTF-8.
      terminal.onBinary((text) => client.input(Uint8Array.from(text, (character) => character.charCodeAt(0)))),
      terminal.onResize(({ cols, rows }) => {
        if (!fromService) client.resize(cols, rows);
      }),
    ];
    const detach = client.attach(sink);
    this.#disposables.push({ dispose: detach });
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#disposables = [];
  }
}

/** The lowest row of the screen with text in it, from 1: what comes next begins below. */
function lastRow({ buffer: { normal }, rows }: Terminal): number {
  let row = rows;
  while (row > 1 && !normal.getLine(normal.baseY + row - 1)?.translateToString(true)) row -= 1;
  return row;
}
