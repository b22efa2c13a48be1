/**
 * The words of the status line.
 */

import { describe, expect, test } from "vitest";
import { INITIAL_STATE, TerminalError, type TerminalState } from "../../src/core/index.ts";
import { closingSentence, reason, routeSentence, stateSentence } from "../../src/view/words.ts";

const NOW = 1_763_640_000_000;
const state = (fields: Partial<TerminalState>): TerminalState => ({ ...INITIAL_STATE, ...fields });
const lost = new TerminalError("CONNECTION_FAILED", "the connection was lost", true);

test.each<[string, Partial<TerminalState>, string, string]>([
  [
    "without a service",
    { status: "connected", error: new TerminalError("BACKEND_UNREACHABLE", "the service cannot be reached", true) },
    "No answer",
    "the service cannot be reached",
  ],
  ["connecting", { status: "connecting", attempt: 1 }, "Connecting…", ""],
  ["connected", { status: "connected" }, "Connected", ""],
  ["just lost", { status: "reconnecting", attempt: 1, error: lost }, "Reconnecting…", ""],
  [
    "waiting",
    { status: "reconnecting", attempt: 3, error: lost, retryAt: NOW + 3200 },
    "Reconnecting in 4 s",
    "the connection was lost (attempt 3)",
  ],
  [
    "trying",
    { status: "reconnecting", attempt: 3, error: lost, retryAt: NOW - 1 },
    "Reconnecting…",
    "the connection was lost (attempt 3)",
  ],
  [
    "offline",
    { status: "offline", error: lost, retryAt: NOW + 60_000 },
    "Offline, next try in 1:00",
    "the connection was lost",
  ],
  ["without a network", { status: "offline" }, "Offline", ""],
  ["exited", { status: "closed", end: { reason: "exited", exitCode: 3 } }, "Session ended", "the shell exited with 3"],
  [
    "killed",
    { status: "closed", end: { reason: "exited", exitCode: 137, signal: "KILL" } },
    "Session ended",
    "the shell exited on signal KILL",
  ],
  [
    "at its time limit",
    { status: "closed", end: { reason: "max_life", exitCode: 129 } },
    "Session ended",
    "its time was up",
  ],
  ["rejected", { status: "closed", error: lost }, "Not connected", "the connection was lost"],
])("%s", (_, fields, words, why) => {
  expect(stateSentence(state(fields), NOW)).toBe(words);
  expect(reason(state(fields), NOW)).toBe(why);
});

describe("an announced end", () => {
  const closing = (reason: NonNullable<TerminalState["closing"]>["reason"], inMs: number) =>
    closingSentence(state({ status: "connected", closing: { reason, at: NOW + inMs } }), NOW);

  test("has a time and a reason", () => {
    expect(closing("idle", 60_000)).toBe("The session will end in 1:00: nothing is typed or printed");
    expect(closing("max_life", 300_000)).toBe("The session will end in 5:00: it reaches its time limit");
    expect(closing("token_expired", 59_000)).toBe("The session will end in 59 s: the access to it expires");
    expect(closing("limits", 10_000)).toBe("The session will end in 10 s: it exceeds its limits");
  });
  test("never has a negative time", () => {
    expect(closing("server_restart", -500)).toBe("The session is about to end: the service is being replaced");
  });
  test("is empty if there is none", () => expect(closingSentence(state({}), NOW)).toBe(""));
});

test("only a connection without a WebSocket is mentioned", () => {
  expect(routeSentence(state({ status: "connected" }))).toBe("");
  expect(routeSentence(state({ status: "connected", route: "http" }))).toContain("blocks WebSockets");
});
