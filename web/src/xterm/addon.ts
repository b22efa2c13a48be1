/**
 * Connects an xterm.js terminal with a client: bytes in both directions, sizes in both directions, and nothing left behind when
 * it is disposed.
 */

import type { IDisposable, ITerminalAddon, Terminal } from "@xterm/xterm";
import type { TerminalClient, TerminalSink } from "../core/index.ts";
import { listenWithoutAnswers } from "./queries.ts";

/** Out of the alternate screen, mouse reports, bracketed paste and scroll region, onto a line of its own: text stays. */
const LEAVE_MODES =
  "\x1b[?1049l\x1b[!p\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016l\x1b[?2004l\x1b[r\x1b[999;1H\r\n";

/** `terminal.loadAddon(new TermgateAddon(client))`. */
export class TermgateAddon implements ITerminalAddon {
  #disposables: IDisposable[] = [];

  constructor(private readonly client: TerminalClient) {}

  activate(terminal: Terminal): void {
    const { client } = this;
    let fromService = false;
    const sink: TerminalSink = {
      write: (bytes, parsed) => terminal.write(bytes, parsed),
      reset(what) {
        if (what === "full") terminal.reset();
        else terminal.write(LEAVE_MODES);
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
      ...listenWithoutAnswers(terminal, (text) => client.input(text)),
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
