/**
 * The words of the status line.
 */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ClientErrorCode, INITIAL_STATE, TerminalError, type TerminalState } from "../../src/core/index.ts";
import { problemOf } from "../../src/view/problems.ts";
import { closingSentence, reason, routeSentence, stateSentence } from "../../src/view/words.ts";

const NOW = 1_763_640_000_000;
const state = (fields: Partial<TerminalState>): TerminalState => ({ ...INITIAL_STATE, ...fields });
const UNREACHABLE = "The terminal cannot be reached at the moment";
const lost = new TerminalError("CONNECTION_FAILED", "the connection was lost", true);

test.each<[string, Partial<TerminalState>, string, string]>([
  [
    "without a service",
    { status: "connected", error: new TerminalError("BACKEND_UNREACHABLE", "the service cannot be reached", true) },
    "No answer",
    "The lab machine does not answer; what you type is kept",
  ],
  ["connecting", { status: "connecting", attempt: 1 }, "Connecting…", ""],
  ["connected", { status: "connected" }, "Connected", ""],
  ["just lost", { status: "reconnecting", attempt: 1, error: lost }, "Reconnecting…", ""],
  [
    "waiting",
    { status: "reconnecting", attempt: 3, error: lost, retryAt: NOW + 3200 },
    "Reconnecting in 4 s",
    UNREACHABLE,
  ],
  ["trying", { status: "reconnecting", attempt: 3, error: lost, retryAt: NOW - 1 }, "Reconnecting…", UNREACHABLE],
  ["offline", { status: "offline", error: lost, retryAt: NOW + 60_000 }, "Offline, next try in 1:00", UNREACHABLE],
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
  ["rejected", { status: "closed", error: lost }, "Not connected", UNREACHABLE],
])("%s", (_, fields, words, why) => {
  expect(stateSentence(state(fields), NOW)).toBe(words);
  expect(reason(state(fields), NOW)).toBe(why);
});

test("a profile that the service lacks is not told as a refusal", () => {
  const refused = (message: string) => problemOf(new TerminalError("FORBIDDEN", message, false));
  const sentence = "This terminal is not installed on the lab machine: please tell your teacher";
  expect(refused("this service has no profile `rust`")).toBe(sentence);
  expect(refused("session `this service has no profile`")).toBe("You may not open this terminal");
});

test("after all quick attempts, the last one's reason is named", () => {
  const failed = (cause: ClientErrorCode) => new TerminalError("MAX_RETRIES_EXCEEDED", "10 attempts", true, { cause });
  expect(problemOf(failed("LIMIT_REACHED"))).toBe("Too many terminals are open. Close one, and try again");
  expect(problemOf(failed("URL_MISSING"))).toBe("This page is not set up right: please tell its operator");
  expect(problemOf(new TerminalError("MAX_RETRIES_EXCEEDED", "10 attempts", true))).toBe(UNREACHABLE);
});

describe("an announced end", () => {
  const closing = (reason: NonNullable<TerminalState["closing"]>["reason"], inMs: number) =>
    closingSentence(state({ status: "connected", closing: { reason, at: NOW + inMs } }), NOW);

  test("has a time and a reason", () => {
    expect(closing("idle", 60_000)).toBe("The session will end in 1:00: nothing is typed or printed");
    expect(closing("max_life", 300_000)).toBe("The session will end in 5:00: it reaches its time limit");
    expect(closing("token_expired", 59_000)).toBe("The session will end in 59 s: your access to it expires");
    expect(closing("limits", 10_000)).toBe("The session will end in 10 s: it uses more than it may");
  });
  test("never has a negative time", () => {
    expect(closing("server_restart", -500)).toBe("The session is about to end: the lab machine is being replaced");
  });
  test("is empty if there is none", () => expect(closingSentence(state({}), NOW)).toBe(""));
});

test("only a connection without a WebSocket is mentioned", () => {
  expect(routeSentence(state({ status: "connected" }))).toBe("");
  expect(routeSentence(state({ status: "connected", route: "http" }))).toContain("this network blocks");
});

describe("a problem", () => {
  const codes = (file: string, from: RegExp) => {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
    return [...(from.exec(source)?.[0] ?? "").matchAll(/"([A-Z_]{4,})"/g)].map(([, code]) => code as ClientErrorCode);
  };
  const all = [
    ...codes("protocol/generated.ts", /export type ErrorCode =[^;]+;/),
    ...codes("core/error.ts", /export type ClientErrorCode =[^;]+;/),
  ];

  test("is named for the person at the terminal, for each code", () => {
    expect(all.length).toBeGreaterThan(30);
    // Never shown as a state: answers to commands, input and the HTTP API, and the wait for a session.
    const elsewhere =
      /^(BAD_|TOO_LARGE|READ_ONLY|NOT_ATTACHED|NOT_STORED|NO_PROMPT|STALE|INPUT_|BUSY|RATE|RESULT|FILE_|SESSION_NOT_STARTED)/;
    const technical = "`getToken`: NEXT_PUBLIC_WS_URL";
    for (const code of all.filter((code) => !elsewhere.test(code))) {
      expect(problemOf(new TerminalError(code, technical)), code).not.toContain("getToken");
    }
  });
});
