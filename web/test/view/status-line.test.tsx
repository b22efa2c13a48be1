// @vitest-environment jsdom
/**
 * The buttons of the status line by state and role.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { INITIAL_STATE, type TerminalClient, TerminalError, type TerminalState } from "../../src/core/index.ts";
import { StatusLine } from "../../src/view/status-line.tsx";

afterEach(cleanup);

const lost = new TerminalError("CONNECTION_FAILED", "lost", true);
const notStarted = new TerminalError("SESSION_NOT_STARTED", "not yet", true);
const soon = (ms: number) => Date.now() + ms;

function shown(fields: Partial<TerminalState>) {
  const client = { connect: vi.fn(), extend: vi.fn() };
  const focus = vi.fn();
  render(
    <StatusLine
      client={client as unknown as TerminalClient}
      state={{ ...INITIAL_STATE, ...fields }}
      notice=""
      sizeHint=""
      focus={focus}
      whenEnded={<button type="button">New session</button>}
    >
      {null}
    </StatusLine>,
  );
  const buttons = screen.queryAllByRole("button").map(({ textContent }) => textContent);
  return { client, focus, buttons };
}

const connected = { status: "connected" } as const;

test.each<[string, Partial<TerminalState>, string[]]>([
  ["connected", connected, []],
  ["connecting again", { status: "reconnecting", attempt: 2, error: lost }, ["Details"]],
  [
    "waiting to reconnect",
    { status: "reconnecting", attempt: 2, error: lost, retryAt: soon(4000) },
    ["Try now", "Details"],
  ],
  ["offline", { status: "offline", error: lost }, ["Try now", "Details"]],
  ["rejected", { status: "closed", error: lost }, ["Connect", "Details"]],
  ["waiting for the session", { status: "connecting", error: notStarted, role: "viewer" }, []],
  ["ended", { status: "closed", end: { reason: "exited", exitCode: 0 } }, ["New session"]],
  ["with hours left", { ...connected, endsAt: soon(7_200_000), canExtend: true }, []],
  ["with minutes left", { ...connected, endsAt: soon(600_000), canExtend: true }, ["Extend"]],
  ["with minutes left and not extendable", { ...connected, endsAt: soon(600_000), canExtend: false }, []],
  ["with minutes left as a viewer", { ...connected, endsAt: soon(600_000), canExtend: true, role: "viewer" }, []],
  ["idle", { ...connected, closing: { reason: "idle", at: soon(60_000) } }, ["Keep open"]],
  ["idle as a viewer", { ...connected, closing: { reason: "idle", at: soon(60_000) }, role: "viewer" }, []],
  ["before a restart", { ...connected, closing: { reason: "server_restart", at: soon(1500) } }, []],
])("%s", (_, state, buttons) => expect(shown(state).buttons).toEqual(buttons));

test("a click focuses the terminal", () => {
  const { client, focus } = shown({ status: "offline", error: lost });
  fireEvent.click(screen.getByText("Try now"));
  expect(client.connect).toHaveBeenCalledOnce();
  expect(focus).toHaveBeenCalledOnce();
});

test("Extend extends the session", () => {
  const { client, focus } = shown({ ...connected, endsAt: soon(60_000), canExtend: true });
  fireEvent.click(screen.getByText("Extend"));
  expect(client.extend).toHaveBeenCalledOnce();
  expect(focus).toHaveBeenCalledOnce();
});

test("a round trip is shown only while the service answers", () => {
  const latency = { totalMs: 328, networkMs: 300, gatewayMs: 20, serviceMs: 8 };
  expect(shown({ ...connected, latency }).buttons).toEqual(["328 ms"]);
  cleanup();
  const error = new TerminalError("BACKEND_UNREACHABLE", "no service", true);
  expect(shown({ ...connected, latency, error }).buttons).toEqual(["Details"]);
});

test("the technical side of an error is one click away", () => {
  const error = new TerminalError("TOKEN_UNAVAILABLE", "No token is available: `getToken` failed.", true);
  const diagnostics = { ...INITIAL_STATE.diagnostics, url: "wss://api.example/prod", attempts: 4 };
  shown({ status: "reconnecting", attempt: 3, error, retryAt: soon(4000), diagnostics });
  const line = () => document.querySelector("footer")?.textContent;
  expect(line()).toContain("Your access could not be checked. Reload the page, or sign in again");
  expect(line()).not.toContain("getToken");
  fireEvent.click(screen.getByText("Details"));
  expect(screen.getByRole("note").textContent).toContain("No token is available: `getToken` failed.");
  expect(screen.getByRole("note").textContent).toContain("TOKEN_UNAVAILABLE, attempt 3, 4 connections so far");
  expect(screen.getByRole("note").textContent).toContain("wss://api.example/prod");
});

test("an announced end is the only countdown", () => {
  shown({ ...connected, endsAt: soon(39_000), closing: { reason: "max_life", at: soon(39_000) } });
  const line = document.querySelector("footer")?.textContent ?? "";
  expect(line.match(/\d+ s\b/g)).toHaveLength(1);
  expect(line).toContain("The session will end in 39 s: it reaches its time limit");
});
