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
const soon = (ms: number) => Date.now() + ms;

function shown(fields: Partial<TerminalState>) {
  const client = { connect: vi.fn(), extend: vi.fn() };
  const focus = vi.fn();
  render(
    <StatusLine
      client={client as unknown as TerminalClient}
      state={{ ...INITIAL_STATE, ...fields }}
      notice=""
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
  ["connecting again", { status: "reconnecting", attempt: 2, error: lost }, []],
  ["waiting to reconnect", { status: "reconnecting", attempt: 2, error: lost, retryAt: soon(4000) }, ["Try now"]],
  ["offline", { status: "offline", error: lost }, ["Try now"]],
  ["rejected", { status: "closed", error: lost }, ["Connect"]],
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
  expect(shown({ ...connected, latency, error }).buttons).toEqual([]);
});
