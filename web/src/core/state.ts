/**
 * What a page shows of a terminal, as one value that is replaced, never changed: React and others compare it by identity.
 */

import type { EndReason, Role, Tty } from "../protocol/generated.ts";
import type { Closing } from "./closings.ts";
import type { TerminalError } from "./error.ts";

/** Where the client is. */
export type Status =
  /** Not asked to connect. */
  | "idle"
  /** For the first time, up to the attach. */
  | "connecting"
  | "connected"
  /** Lost; trying again. */
  | "reconnecting"
  /** Lost for longer. It tries now and then, and at once when the page is shown, the network is back, or somebody types. */
  | "disconnected"
  /** The session is over. */
  | "ended"
  /** Refused; only another token or session helps. `connect` tries again. */
  | "failed";

/** Everything but the bytes. */
export interface TerminalState {
  status: Status;
  /** The attempt under way, from 1; 0 while connected. */
  attempt: number;
  /** What went wrong last; gone once connected again. */
  error: TerminalError | null;
  /** There and back through the whole chain, in ms. */
  latencyMs: number | null;
  role: Role;
  tty: Tty;
  title: string;
  /** The terminal's size, which may be another controller's. */
  size: { cols: number; rows: number } | null;
  /** How the session ended. */
  end: { reason: EndReason; exitCode: number; signal?: string } | null;
  /** When it will end unless something happens, and why; the first of several. */
  closing: Closing | null;
}

/** Before anything happened, on the server as in the browser. */
export const INITIAL_STATE: TerminalState = {
  status: "idle",
  attempt: 0,
  error: null,
  latencyMs: null,
  role: "controller",
  tty: { echo: true, canonical: true },
  title: "",
  size: null,
  end: null,
  closing: null,
};
