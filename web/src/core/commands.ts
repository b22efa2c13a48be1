/**
 * Commands that wait for a result. Each is a promise that always settles.
 */

import { COMMAND_BYTES } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { TerminalError } from "./error.ts";

/** After skipped output, a pending result that does not come within this time counts as lost. */
const RESULT_TIMEOUT_MS = 5000;

export interface CommandResult {
  result: string;
  exitCode: number;
  /** True if `result` was cut. */
  truncated: boolean;
}

type Pending = { resolve(result: CommandResult): void; reject(error: TerminalError): void };

export class Commands {
  #pending = new Map<string, Pending>();
  #nextId = 1;
  readonly #timeout: Timer;

  constructor(clock: Clock) {
    this.#timeout = new Timer(clock);
  }

  /** Registers a command under a new id. An invalid command is rejected at once. */
  begin(command: string): { id: string; result: Promise<CommandResult> } {
    const id = `c${this.#nextId}`;
    this.#nextId += 1;
    const invalid = validate(command);
    if (invalid) return { id, result: Promise.reject(invalid) };
    const result = new Promise<CommandResult>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    return { id, result };
  }

  get pending(): boolean {
    return this.#pending.size > 0;
  }

  has(id: string): boolean {
    return this.#pending.has(id);
  }

  resolve(id: string, { result, exitCode, truncated }: CommandResult): void {
    this.#take(id)?.resolve({ result, exitCode, truncated });
  }

  reject(id: string, error: TerminalError): void {
    this.#take(id)?.reject(error);
  }

  /** Output was skipped, possibly with results in it: rejects pending commands after a timeout. */
  outputSkipped(): void {
    const ids = [...this.#pending.keys()];
    if (ids.length === 0) return;
    this.#timeout.set(RESULT_TIMEOUT_MS, () => {
      const error = new TerminalError("RESULT_LOST", "the result may be among output that was skipped");
      for (const id of ids) this.reject(id, error);
    });
  }

  rejectAll(error: TerminalError): void {
    this.#timeout.clear();
    for (const id of [...this.#pending.keys()]) this.reject(id, error);
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

/** Repeats the checks of the service before a number is used: a rejected message leaves a gap in the numbering. */
function validate(command: string): TerminalError | undefined {
  if (command.trim() === "") return new TerminalError("BAD_FIELD", "the command is empty");
  const bytes = new TextEncoder().encode(command).length;
  if (bytes > COMMAND_BYTES) {
    return new TerminalError("TOO_LARGE", `the command has ${bytes} bytes; at most ${COMMAND_BYTES} are allowed`);
  }
  // The command is typed into a line editor, which would execute a control character.
  const control = [...command].some((c) => /\p{Cc}/u.test(c) && c !== "\n" && c !== "\t");
  return control
    ? new TerminalError("BAD_FIELD", "a command must not contain control characters other than newline and tab")
    : undefined;
}
