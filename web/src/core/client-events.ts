/**
 * The state and the events that a page subscribes to.
 */

import type { TerminalError } from "./error.ts";
import { Listeners } from "./listeners.ts";
import type { Log } from "./log.ts";
import type { TerminalNotice } from "./notice.ts";
import { Observable } from "./observable.ts";
import type { TerminalMessage } from "./options.ts";
import { type Diagnostics, INITIAL_STATE, type TerminalState } from "./state.ts";

export class ClientEvents extends Observable<TerminalState> {
  readonly message = new Listeners<[TerminalMessage]>();
  readonly notice = new Listeners<[TerminalNotice]>();
  readonly error = new Listeners<[TerminalError]>();

  constructor(private readonly log: Log) {
    super(INITIAL_STATE);
  }

  diagnose(change: Partial<Diagnostics>): void {
    this.update({ diagnostics: { ...this.value.diagnostics, ...change } });
  }

  fail(error: TerminalError): void {
    if (error.code !== "CONNECTION_FAILED") this.log.warn(`${error.code}: ${error.message}`);
    this.diagnose({ lastError: error.message, errorCode: error.code });
    this.error.emit(error);
  }
}
