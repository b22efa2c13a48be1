/**
 * Connects an xterm.js terminal with a client: input and output, sizes in both directions, and predicted echo.
 */

import type { ImageAddon } from "@xterm/addon-image";
import type { IDisposable, ITerminalAddon, Terminal } from "@xterm/xterm";
import {
  browserClock,
  type Clock,
  type PredictedText,
  type PredictMode,
  type TerminalClient,
  type TerminalSink,
} from "../core/index.ts";
import { EmulatorGuard } from "./emulator-guard.ts";
import { ImageRoom } from "./image-room.ts";
import { ShellReset } from "./new-shell.ts";
import { PredictedEcho } from "./predicted-echo.ts";
import { PredictionOverlay } from "./prediction-overlay.ts";
import { onUserInput } from "./queries.ts";
import { themeColours } from "./theme-colours.ts";

/** `terminal.loadAddon(new TermgateAddon(client))`. */
export class TermgateAddon implements ITerminalAddon {
  #disposables: IDisposable[] = [];
  #imageRoom: ImageRoom | undefined;

  constructor(
    private readonly client: TerminalClient,
    /** Transforms typed text, for example by a sticky Ctrl. */
    private readonly transform: (text: string) => string = (text) => text,
    /** Where keys may be shown before their echo. */
    private readonly predict: () => PredictMode = () => "auto",
    private readonly clock: Clock = browserClock,
  ) {}

  activate(terminal: Terminal): void {
    const { client } = this;
    let fromService = false;
    const predictedEcho = this.#predictEcho(terminal);
    const guard = new EmulatorGuard(terminal, (why) => client.emulatorFailed(sink, why), this.clock);
    const shell = new ShellReset(terminal);
    const sink: TerminalSink = {
      write: (bytes, parsed) => guard.write(bytes, parsed),
      reset: (what) =>
        guard.reset(() => {
          predictedEcho.reset();
          shell.reset(what);
        }),
      resize(cols, rows) {
        if (cols === terminal.cols && rows === terminal.rows) return;
        fromService = true;
        guard.run(() => terminal.resize(cols, rows));
        fromService = false;
      },
      progress: (progress) => predictedEcho.progress(progress),
    };
    client.setTheme(themeColours(terminal.options.theme));
    client.resize(terminal.cols, terminal.rows);
    this.#disposables.push(
      ...shell.disposables,
      ...onUserInput(terminal, (text) => predictedEcho.type(this.transform(text))),
      // One character per byte: reports of old mouse modes are not UTF-8.
      terminal.onBinary((text) => client.input(Uint8Array.from(text, (character) => character.charCodeAt(0)))),
      terminal.onResize(({ cols, rows }) => {
        if (!fromService) client.resize(cols, rows);
      }),
    );
    this.#imageRoom = new ImageRoom(terminal);
    const detach = client.attach(sink);
    this.#disposables.push({ dispose: detach }, guard, this.#imageRoom);
  }

  /** Lets the image addon, which is loaded, draw images as high as the service counts them. */
  drawImages(addon: ImageAddon): void {
    this.#imageRoom?.drawWith(addon);
  }

  #predictEcho(terminal: Terminal): PredictedEcho {
    // A terminal without a page displays nothing.
    const overlay = typeof document === "undefined" ? undefined : new PredictionOverlay(terminal);
    const display = (text: PredictedText | undefined) => overlay?.display(text);
    const predictedEcho = new PredictedEcho(terminal, this.client, this.predict, display);
    this.#disposables.push(predictedEcho, ...(overlay ? [overlay] : []));
    return predictedEcho;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#disposables = [];
  }
}
