/**
 * What a state is called, one place for every word: what is, what will be, and what was.
 */

import type { ClientErrorCode, EndReason, TerminalState } from "../core/index.ts";
import { duration } from "./duration.ts";

/** Why a session ended. */
const ENDED: Record<EndReason, string> = {
  exited: "the shell exited",
  closed: "it was closed",
  detached: "nobody was attached",
  idle: "it was idle for too long",
  max_life: "its time was up",
  token_expired: "the access to it had expired",
  server_restart: "the service was replaced",
  owner_lost: "its server was lost",
  start_failed: "the shell could not be started",
  revoked: "an operator ended it",
  limits: "it used more than a session may",
};

/** Why one will end. */
const WILL_END: Record<EndReason, string> = {
  exited: "the shell exits",
  closed: "it is being closed",
  detached: "nobody is attached",
  idle: "nothing is typed or printed",
  max_life: "its time is up then",
  token_expired: "the access to it expires",
  server_restart: "the service is being replaced",
  owner_lost: "its server is lost",
  start_failed: "the shell cannot be started",
  revoked: "an operator ends it",
  limits: "it uses more than a session may",
};

/** What is wrong behind a connection that is well. */
const BEHIND: readonly ClientErrorCode[] = [
  "BACKEND_UNREACHABLE",
  "BACKEND_TIMEOUT",
  "DRAINING",
  "GATEWAY_FAULT",
  "INTERNAL",
];

/** Whether the connection stands, but nobody at its end answers. */
export function isStalled({ status, error }: TerminalState): boolean {
  return status === "connected" && error !== null && BEHIND.includes(error.code);
}

/** The state in a word or two. */
export function stateWords(state: TerminalState): string {
  const { status, end, error } = state;
  if (isStalled(state)) return "No answer";
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

/** The same with the time of the next attempt. */
export function stateSentence(state: TerminalState, now: number): string {
  const { status, retryAt } = state;
  const words = stateWords(state);
  if (retryAt === null || retryAt <= now) return words;
  if (status === "reconnecting") return `Reconnecting in ${duration(retryAt - now)}`;
  return status === "offline" ? `Offline, next try in ${duration(retryAt - now)}` : words;
}

/** Why it is as it is; empty where nothing needs saying. */
export function reason(state: TerminalState, now: number): string {
  const { status, attempt, error, end } = state;
  if (end) return ENDED[end.reason] + exitCode(end);
  // Usually it is back before anybody has read why it was gone.
  if (status === "reconnecting" && attempt <= 1) return "";
  if (error) return attempt > 1 ? `${error.message.replace(/\.$/, "")} (attempt ${attempt})` : error.message;
  return status === "connected" ? closingSentence(state, now) : "";
}

/** That it will end, in how long, and why. */
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
