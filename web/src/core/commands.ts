/**
 * Commands that wait for their result: each is a promise that always settles.
 */

import { COMMAND_BYTES } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { TerminalError } from "./error.ts";

/** A result that was not skipped with the rest of the output comes within this time, or the command still runs. */
const DOUBT_MS = 5000;

/** What a command printed, and how it ended. */
export interface CommandResult {
  result: string;
  exitCode: number;
  /** Whether `result` was cut. */
  truncated: boolean;
}

type Pending = { resolve(result: CommandResult): void; reject(error: TerminalError): void };

/** The commands of one client. */
export class Commands {
  #pending = new Map<string, Pending>();
  #next = 1;
  readonly #doubt: Timer;

  constructor(clock: Clock) {
    this.#doubt = new Timer(clock);
  }

  /** A promise, and the id under which its result will come. */
  begin(command: string): { id: string; result: Promise<CommandResult> } {
    const id = `c${this.#next}`;
    this.#next += 1;
    const wrong = complaint(command);
    if (wrong) return { id, result: Promise.reject(wrong) };
    const result = new Promise<CommandResult>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    return { id, result };
  }

  /** Whether anybody waits for a result. */
  get pending(): boolean {
    return this.#pending.size > 0;
  }

  /** Whether it still waits. */
  has(id: string): boolean {
    return this.#pending.has(id);
  }

  done(id: string, { result, exitCode, truncated }: CommandResult): void {
    this.#take(id)?.resolve({ result, exitCode, truncated });
  }

  failed(id: string, error: TerminalError): void {
    this.#take(id)?.reject(error);
  }

  /** Something was skipped, and results may have been in it. */
  doubt(): void {
    const doubtful = [...this.#pending.keys()];
    if (doubtful.length === 0) return;
    this.#doubt.set(DOUBT_MS, () => {
      const error = new TerminalError("RESULT_LOST", "the result may be among output that was skipped");
      for (const id of doubtful) this.failed(id, error);
    });
  }

  /** Nothing will come any more. */
  failAll(error: TerminalError): void {
    this.#doubt.clear();
    for (const id of [...this.#pending.keys()]) this.failed(id, error);
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

/** What the service would refuse, found before it is sent: a refused message leaves a hole in the numbering. */
function complaint(command: string): TerminalError | undefined {
  if (command.trim() === "") return new TerminalError("BAD_FIELD", "the command is empty");
  const bytes = new TextEncoder().encode(command).length;
  if (bytes > COMMAND_BYTES) {
    return new TerminalError("TOO_LARGE", `the command has ${bytes} bytes; at most ${COMMAND_BYTES} are allowed`);
  }
  // It is typed into a line editor: a control byte would edit instead of being part of the command.
  const control = [...command].some((c) => /\p{Cc}/u.test(c) && c !== "\n" && c !== "\t");
  return control
    ? new TerminalError("BAD_FIELD", "a command must not hold control characters other than newline and tab")
    : undefined;
}
