/**
 * Predicted echo of one terminal: passes keys to the client and to the predictor, tells the predictor what was parsed,
 * and displays what it predicts.
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import {
  browserClock,
  type Clock,
  type InputProgress,
  mayType,
  type PredictedText,
  type PredictMode,
  Predictor,
  type TerminalClient,
  Timer,
} from "../core/index.ts";
import { EmulatedScreen, type EmulatorBuffer } from "./emulated-screen.ts";

/** The parts of a terminal that predictions need; a terminal without a page has them too. */
export type PredictableTerminal = EmulatorBuffer & Pick<Terminal, "onResize">;

export class PredictedEcho implements IDisposable {
  readonly predictor: Predictor;
  readonly #timer: Timer;
  readonly #disposables: IDisposable[];

  /** `display` is called after each change. */
  constructor(
    terminal: PredictableTerminal,
    private readonly client: TerminalClient,
    private readonly mode: () => PredictMode,
    private readonly display: (text: PredictedText | undefined) => void,
    private readonly clock: Clock = browserClock,
  ) {
    this.predictor = new Predictor(new EmulatedScreen(terminal), mode);
    this.#timer = new Timer(clock);
    this.#disposables = [
      terminal.onResize(() => this.reset()),
      terminal.buffer.onBufferChange(() => this.reset()),
      { dispose: client.subscribe(() => this.#follow()) },
    ];
    this.#follow();
  }

  /** Sends typed text, and displays its echo if that is known. */
  type(text: string): void {
    const { client, predictor } = this;
    if (this.mode() === "never" || !mayType(client.state)) return client.input(text);
    const predicted = predictor.typed(text, client.inputLength + text.length, this.clock.now());
    client.input(text, predicted);
    this.#changed();
  }

  /** The emulator has parsed everything up to here. */
  progress(progress: InputProgress): void {
    this.predictor.parsed(progress, this.clock.now());
    this.#changed();
  }

  /** The emulator was reset, resized, or shows another buffer. */
  reset(): void {
    this.predictor.screenChanged(this.clock.now());
    this.#changed();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#timer.clear();
    this.predictor.dispose();
    this.display(undefined);
  }

  #follow(): void {
    const { tty, status, latency } = this.client.state;
    this.predictor.enabled = status === "connected";
    this.predictor.tty(tty);
    if (latency) this.predictor.roundTrip(latency.totalMs);
    this.#changed();
  }

  #changed(): void {
    this.display(this.predictor.display);
    const { deadline } = this.predictor;
    if (deadline === undefined) return this.#timer.clear();
    if (this.#timer.pending) return;
    this.#timer.set(Math.max(0, deadline - this.clock.now()), () => {
      this.predictor.tick(this.clock.now());
      this.#changed();
    });
  }
}
