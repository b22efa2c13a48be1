/**
 * The words for every state and end of a session.
 */

import type { ClientErrorCode, EndReason, Recording, TerminalMessage, TerminalState } from "../core/index.ts";
import { duration } from "./duration.ts";
import { problemOf } from "./problems.ts";

/** Why the session ended. */
const ENDED: Record<EndReason, string> = {
  exited: "the shell exited",
  closed: "it was closed",
  detached: "its page was closed for too long",
  idle: "it was idle for too long",
  max_life: "its time was up",
  token_expired: "your access to it had expired",
  server_restart: "the lab machine was replaced",
  owner_lost: "the lab machine failed",
  start_failed: "the shell could not be started",
  revoked: "an operator ended it",
  limits: "it used more than it may",
};

/** Why it will end. */
const WILL_END: Record<EndReason, string> = {
  exited: "the shell exits",
  closed: "it is being closed",
  detached: "its page is closed",
  idle: "nothing is typed or printed",
  max_life: "it reaches its time limit",
  token_expired: "your access to it expires",
  server_restart: "the lab machine is being replaced",
  owner_lost: "the lab machine failed",
  start_failed: "the shell cannot be started",
  revoked: "an operator ends it",
  limits: "it uses more than it may",
};

/** Errors behind a working connection. */
const BACKEND_ERRORS: readonly ClientErrorCode[] = [
  "BACKEND_UNREACHABLE",
  "BACKEND_TIMEOUT",
  "DRAINING",
  "GATEWAY_FAULT",
  "INTERNAL",
];

/** True if the connection works but the service does not answer. */
export function isStalled({ status, error }: TerminalState): boolean {
  return status === "connected" && error !== null && BACKEND_ERRORS.includes(error.code);
}

/** True if this page may only watch, and the session that it watches has not started. */
export function isWaiting({ status, error }: TerminalState): boolean {
  return (status === "connecting" || status === "reconnecting") && error?.code === "SESSION_NOT_STARTED";
}

/** The state in a few words. */
export function stateWords(state: TerminalState): string {
  const { status, end, error } = state;
  if (isStalled(state)) return "No answer";
  if (isWaiting(state)) return "Waiting for the session to start";
  switch (status) {
    case "connecting":
      return "Connecting…";
    case "connected":
      return "Connected";
    case "reconnecting":
      return "Reconnecting…";
    case "offline":
      return "Offline";
    case "closed":
      return end ? "Session ended" : error ? "Not connected" : "Closed";
  }
}

/** `stateWords`, or the time of the next attempt. */
export function stateSentence(state: TerminalState, now: number): string {
  const { status, retryAt } = state;
  const words = stateWords(state);
  if (retryAt === null || retryAt <= now) return words;
  if (status === "reconnecting") return `Reconnecting in ${duration(retryAt - now)}`;
  return status === "offline" ? `Offline, next try in ${duration(retryAt - now)}` : words;
}

/** The reason for the state; empty if it needs none. */
export function reason(state: TerminalState, now: number): string {
  const { status, attempt, error, end } = state;
  if (end) return ENDED[end.reason] + exitCode(end);
  // The first attempt usually succeeds before the reason can be read.
  if (isWaiting(state) || (status === "reconnecting" && attempt <= 1)) return "";
  if (error) return problemOf(error);
  return status === "connected" ? closingSentence(state, now) : "";
}

/** A sentence about a question, a loan, or an owner who types alone; empty while every controller types. */
export function typingSentence(state: TerminalState): string {
  return typingWords(state).join(" ").trim();
}

/** The same in two parts: the name of another person, or nothing, and what they do. */
export function typingWords({ control, people, who, status }: TerminalState): [name: string, act: string] {
  if (status !== "connected") return ["", ""];
  const name = people.find((person) => person.who === control.who)?.name ?? "A person";
  const mine = people.find((person) => person.who === who)?.as;
  switch (control.state) {
    case "free":
      return ["", ""];
    case "asked":
      return control.who === who ? ["", "You asked to type"] : [name, "asks to type"];
    case "lent":
      return control.who === who ? ["", "You type in this terminal too"] : [name, "types in this terminal too"];
    case "only":
      return ["", mine === "owner" ? "Only you type in this terminal" : "Only its owner types in this terminal"];
  }
}

/** The browser refused to read the clipboard, and how to paste nevertheless. */
export function pasteRefused(coarsePointer: boolean, apple: boolean): string {
  const how = coarsePointer ? ALLOW_CLIPBOARD : `Press ${apple ? "Cmd-V" : "Ctrl-Shift-V"} to paste`;
  return `The browser does not let this page read the clipboard. ${how}`;
}

/** The browser refused to copy, and how to copy nevertheless: its own menu needs no permission. */
export function copyRefused(coarsePointer: boolean): string {
  const how = coarsePointer ? ALLOW_CLIPBOARD : "Hold Shift, press the right mouse button, and choose Copy";
  return `The browser does not let this page copy. ${how}`;
}

const ALLOW_CLIPBOARD = "Allow the clipboard for this page in the browser's settings";

/** Why this page's keys do not reach the shell. */
export function heldSentence(state: TerminalState): string {
  if (state.control.state === "only") return "Only the owner of this terminal types now: your keys are held back";
  return "You can watch this terminal, but not type in it";
}

/** Why an offered line was not typed; empty for any other message. */
export function refusalOf(message: TerminalMessage): string {
  if (message.type !== "error" || message.seq === undefined) return "";
  if (message.code === "BUSY") return "Not typed: the prompt is not empty, or a program runs";
  return message.code === "NO_PROMPT_MARKS"
    ? "Not typed: this shell does not say where its prompt is. Copy the line"
    : "";
}

/** Whether the session is recorded, who may watch the recording, and for how long. */
export function recordingSentence({ state, input, days }: Recording): string {
  if (state === "off") return "This session is not being recorded now, although it should be.";
  const what = input ? "what the terminal shows, and what is typed" : "what the terminal shows";
  const readers = "its owner, the instructors of its group and the operators of this platform";
  return `This session is recorded: ${what}. The recording is for ${readers}, and is kept for ${days} days.`;
}

/** Goes on after "Connected", if that is not by WebSocket. */
export function routeSentence({ route }: TerminalState): string {
  return route === "http" ? "the long way round, because this network blocks the short one" : "";
}

/** The announced end of the session: when and why. */
export function closingSentence({ closing }: TerminalState, now: number): string {
  if (!closing) return "";
  const left = closing.at - now;
  const when = left > 0 ? `will end in ${duration(left)}` : "is about to end";
  return `The session ${when}: ${WILL_END[closing.reason]}`;
}

function exitCode({ reason, exitCode, signal }: NonNullable<TerminalState["end"]>): string {
  if (reason !== "exited") return "";
  return signal ? ` on signal ${signal}` : ` with ${exitCode}`;
}
