/**
 * The right to type: as of the last attach, and of the events since.
 */

import type { Control as ControlFrame, Loan } from "../protocol/generated.ts";
import type { ClientEvents } from "./client-events.ts";
import type { InputQueue } from "./input-queue.ts";
import { held } from "./notice.ts";
import type { TerminalState } from "./state.ts";

/** True if this page may change the session: type, set its size, and end it. */
export function controls({ role, control, people, who }: TerminalState): boolean {
  if (role !== "controller") return false;
  return control.state !== "only" || people.some((person) => person.who === who && person.as === "owner");
}

/** The loan on which this page types; undefined without one. */
export function loanOf({ control, who }: TerminalState): Loan | undefined {
  return control.state === "lent" && control.who === who ? control.loan : undefined;
}

/** True if this page's keys reach the shell. */
export function mayType(state: TerminalState): boolean {
  return controls(state) || loanOf(state) !== undefined;
}

export class Control {
  constructor(
    private readonly events: ClientEvents,
    private readonly input: InputQueue,
  ) {}

  /** The state is this now. Keys that were typed before a change which concerns this page are not sent after it. */
  set(control: ControlFrame): void {
    const before = this.events.value;
    this.events.update({ control });
    const after = this.events.value;
    const loan = loanOf(after);
    if (controls(before) === controls(after) && loanOf(before) === loan) return;
    this.input.loan = controls(after) ? undefined : loan;
    const characters = this.input.drop();
    if (characters > 0) this.events.notice.emit(held(characters));
  }
}
