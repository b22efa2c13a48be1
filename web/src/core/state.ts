/**
 * The state of a terminal that a page shows. Replaced, never mutated, so that React can compare it by identity.
 */

import type {
  Control,
  EndReason,
  Event as EventFrame,
  Notice,
  Person,
  RaisedHand,
  Recording,
  Role,
  Tty,
} from "../protocol/generated.ts";
import type { Closing } from "./end-warnings.ts";
import type { ClientErrorCode, TerminalError } from "./error.ts";
import type { Latency } from "./latency.ts";
import type { Route } from "./route.ts";

export type Status =
  /** For the first time, up to the attach. */
  | "connecting"
  | "connected"
  /** Connection lost; quick attempts. */
  | "reconnecting"
  /** Lost for longer, or no network. Slow retries; at once if the page is shown, goes online, or the user types. */
  | "offline"
  /** Stopped: `end` says how the session ended, `error` why it was rejected; without either, it was never connected. */
  | "closed";

/** For a problem report. */
export interface Diagnostics {
  /** The URL without query, and so without token; empty before the first attempt. */
  url: string;
  /** Connections opened since the client was created. */
  attempts: number;
  /** The last error's message; stays after recovery. */
  lastError: string | null;
  errorCode: ClientErrorCode | null;
  /** Time from opening the last connection until the shell answered on it, in ms. */
  connectionTime: number | null;
}

/** Everything except the output. */
export interface TerminalState {
  status: Status;
  /** The current or next attempt, from 1; 0 while connected, offline or closed. */
  attempt: number;
  /** Time of the next attempt, in ms since 1970; null while one is in progress or none is planned. */
  retryAt: number | null;
  /** The last error; null once connected again. */
  error: TerminalError | null;
  latency: Latency | null;
  /** The transport of the last attached connection; `http` where WebSockets are blocked. */
  route: Route;
  role: Role;
  tty: Tty;
  title: string;
  /** Working directory of the shell, absolute: show it as text. Null where it is not known. */
  directory: string | null;
  /** The terminal's size, which may follow another controller's window. */
  size: { cols: number; rows: number } | null;
  end: { reason: EndReason; exitCode: number; signal?: string } | null;
  /** The first of the announced ends. */
  closing: Closing | null;
  /** When the session's lifetime ends, in ms since 1970. */
  endsAt: number | null;
  /** True if `extend` can move `endsAt`. */
  canExtend: boolean;
  /** Everyone who is attached, this page too. A name is another person's text: show it in a `<bdi>`. */
  people: readonly Person[];
  /** This page's number among them; null before the first attach. */
  who: number | null;
  /** The owner's raised hand. */
  hand: RaisedHand | null;
  /** The right to type besides the owner's. */
  control: Control;
  /** Messages of an instructor to the class that were not dismissed, the latest last: show their texts as text. */
  announcements: readonly Notice[];
  /** True if this page may ask to type. */
  canAsk: boolean;
  /** Whether the session is recorded; null where it is not to be. */
  recording: Recording | null;
  diagnostics: Diagnostics;
}

/** The state before anything happened, on the server as in the browser. */
export const INITIAL_STATE: TerminalState = {
  status: "closed",
  attempt: 0,
  retryAt: null,
  error: null,
  latency: null,
  route: "websocket",
  role: "controller",
  tty: { echo: true, canonical: true },
  title: "",
  directory: null,
  size: null,
  end: null,
  closing: null,
  endsAt: null,
  canExtend: false,
  people: [],
  who: null,
  hand: null,
  control: { state: "free" },
  announcements: [],
  canAsk: false,
  recording: null,
  diagnostics: { url: "", attempts: 0, lastError: null, errorCode: null, connectionTime: null },
};

/** True if the session is over for this page: no attempt would find it again. */
export function isOver({ status, end, error }: TerminalState): boolean {
  return status === "closed" && (end !== null || error?.code === "SESSION_ENDED");
}

/** The terminal's settings as a change of the state, which is none if they are the same. */
export function changedTty(state: TerminalState, tty: TerminalState["tty"]): Partial<TerminalState> {
  return tty.echo === state.tty.echo && tty.canonical === state.tty.canonical ? {} : { tty };
}

/** The part of the state that an event of the stream changes by itself, with its new values. */
export function changeBy(event: EventFrame): Partial<TerminalState> | undefined {
  switch (event.kind) {
    case "tty":
      return { tty: { echo: event.echo, canonical: event.canonical } };
    case "title":
      return { title: event.title };
    case "ends":
      return { endsAt: event.at, canExtend: event.canExtend };
  }
}
