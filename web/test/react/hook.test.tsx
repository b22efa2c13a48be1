// @vitest-environment jsdom
/**
 * The hook: strict mode, changing callbacks, unmounting.
 */

import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { StrictMode, version } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type TerminalApiGatewayOptions, useTerminalApiGateway } from "../../src/react/index.ts";
import { attachedFrame } from "../support/harness.ts";
import { FakeSocket } from "../support/socket.ts";

let sockets: FakeSocket[] = [];

beforeEach(() => {
  sockets = [];
  // The hook takes no socket factory.
  vi.stubGlobal(
    "WebSocket",
    class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    },
  );
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function attached(socket: FakeSocket, fields: object = {}): void {
  act(() => {
    socket.onopen?.();
    socket.receive(attachedFrame({ client: socket.of("attach")[0]?.client ?? "", epoch: 1, head: 0, ...fields }));
  });
}

const base: TerminalApiGatewayOptions = { sessionId: "s1", token: "t1", url: "wss://api.example/prod" };

function mount(options: Partial<TerminalApiGatewayOptions>) {
  const initialProps: TerminalApiGatewayOptions = { ...base, ...options };
  return renderHook((props) => useTerminalApiGateway(props), { initialProps, wrapper: StrictMode });
}

async function mounted(options: Partial<TerminalApiGatewayOptions> = {}) {
  const hook = mount(options);
  await waitFor(() => expect(sockets).toHaveLength(1));
  hook.result.current.resizeTerminal(80, 24);
  const socket = sockets[0] as FakeSocket;
  return { ...hook, socket };
}

test("connects once in strict mode, and reports connecting and unmounting", async () => {
  const reported: string[] = [];
  const { result, socket, unmount } = await mounted({
    onConnect: () => reported.push("connect"),
    onDisconnect: () => reported.push("disconnect"),
  });
  expect(result.current.isConnected).toBe(false);
  attached(socket);
  expect(result.current).toMatchObject({ isConnected: true, error: null });
  unmount();
  expect(reported).toEqual(["connect", "disconnect"]);
  expect(socket.closed).toBe(true);
  expect(sockets).toHaveLength(1);
});

test("resolves commands and sends sizes", async () => {
  const { result, socket } = await mounted();
  attached(socket);
  const command = result.current.executeCommand("ls");
  const id = socket.of("command")[0]?.id;
  act(() => {
    const result = { kind: "command_result", id, result: "a\n", truncated: false, exitCode: 0 };
    socket.receive({ type: "event", epoch: 1, pos: 0, ...result });
  });
  await expect(command).resolves.toMatchObject({ result: "a\n", exitCode: 0 });
  result.current.resizeTerminal(100, 30);
  expect(socket.of("resize")).toMatchObject([{ cols: 100, rows: 30 }]);
});

test("delivers output to the latest listener without rendering", async () => {
  let renders = 0;
  const texts: string[] = [];
  const { socket, rerender } = await mounted({ onMessage: () => texts.push("old listener") });
  const listener: TerminalApiGatewayOptions["onMessage"] = (message) => {
    if (message.type === "output") texts.push(new TextDecoder().decode(message.bytes));
  };
  attached(socket);
  rerender({ ...base, onMessage: listener });
  const counted = renderHook(() => {
    renders += 1;
    return null;
  });
  counted.unmount();
  const before = renders;
  act(() => {
    for (let pos = 0; pos < 50; pos += 1)
      socket.receive({ type: "output", epoch: 1, pos, len: 1, data: "x", head: pos + 1 });
  });
  expect(texts.join("")).toBe("x".repeat(50));
  expect(renders).toBe(before);
});

test("reports errors", async () => {
  const reported: string[] = [];
  const { result, socket } = await mounted({ onError: (error) => reported.push(error.code) });
  act(() => {
    socket.onopen?.();
    const message = "There is no such session.";
    socket.receive({ type: "error", code: "SESSION_NOT_FOUND", message, retryable: false });
  });
  expect(reported).toEqual(["SESSION_NOT_FOUND"]);
  expect(result.current.error?.message).toBe("There is no such session.");
  expect(result.current.state).toBe("closed");
});

test("hands over to a new token, and starts over for another session", async () => {
  const states: string[] = [];
  const { socket, rerender, result } = await mounted({ onDisconnect: () => states.push("disconnect") });
  attached(socket);
  rerender({ ...base, token: "t2" });
  expect(sockets[1]?.url).toBe("wss://api.example/prod?token=t2&sessionId=s1");
  expect(socket.closed).toBe(false);
  attached(sockets[1] as FakeSocket);
  expect(socket.closed).toBe(true);
  expect(result.current.isConnected).toBe(true);
  expect(states).toEqual([]);
  rerender({ ...base, token: "t2", sessionId: "s2" });
  await waitFor(() => expect(sockets).toHaveLength(3));
  expect(sockets[1]?.closed).toBe(true);
  expect(sockets[2]?.url).toBe("wss://api.example/prod?token=t2&sessionId=s2");
});

test("ignores a new getToken function of a render", async () => {
  const { rerender } = await mounted({ getToken: () => "t1" });
  attached(sockets[0] as FakeSocket);
  for (let render = 0; render < 5; render += 1) rerender({ ...base, getToken: () => "t1" });
  expect(sockets).toHaveLength(1);
});

test("reports notices", async () => {
  const reported: string[] = [];
  const { socket } = await mounted({ onNotice: (notice) => reported.push(notice.text) });
  attached(socket);
  const part = { type: "snapshot", epoch: 1, part: 1, parts: 1, scope: "full", cols: 80, rows: 24, data: "\x1bc" };
  act(() => {
    socket.receive({ type: "output", epoch: 1, pos: 0, len: 1, data: "x", head: 1 });
    socket.receive({ ...part, id: 1, pos: 5001, skipped: 5000, head: 5001 });
  });
  expect(reported).toEqual(["5.0 kB of output skipped"]);
});

test("says what to set without an address", () => {
  const { result } = mount({ url: undefined });
  expect(result.current).toMatchObject({ state: "closed", error: { code: "URL_MISSING" } });
  expect(result.current.error?.message).toContain("NEXT_PUBLIC_WS_URL");
  expect(sockets).toHaveLength(0);
});

test("runs with the React of its project", ({ task }) => {
  expect(`react ${version.split(".")[0]}`).toBe(task.file.projectName);
});

test("returns the state, latency, next attempt and diagnostics", async () => {
  const { result, socket } = await mounted();
  expect(result.current).toMatchObject({ state: "connecting", isConnected: false, attempt: 1, retryAt: null });
  attached(socket, { endsAt: 5000, canExtend: true });
  expect(result.current).toMatchObject({ state: "connected", attempt: 0, latency: null });
  expect(result.current.terminal).toMatchObject({ endsAt: 5000, canExtend: true });
  const [ping] = socket.of("ping");
  act(() => socket.receive({ type: "pong", t: ping?.t, timestamp: 1, gatewayMs: 0, serviceMs: 0 }));
  expect(result.current.latency).toMatchObject({ gatewayMs: 0, serviceMs: 0 });
  const before = Date.now();
  act(() => socket.end());
  expect(result.current).toMatchObject({ state: "reconnecting", attempt: 1, latency: null });
  expect(result.current.retryAt).toBeGreaterThanOrEqual(before);
  expect(result.current.diagnostics).toMatchObject({ attempts: 1, errorCode: "CONNECTION_FAILED" });
  act(() => result.current.reconnect());
  await waitFor(() => expect(sockets).toHaveLength(2), { timeout: 3000 });
});

test("extends and closes the session", async () => {
  const { result, socket } = await mounted();
  attached(socket);
  result.current.extend();
  result.current.close();
  expect(socket.sent.map(({ type }) => type)).toEqual(expect.arrayContaining(["extend", "close"]));
  act(() => socket.receive({ type: "event", epoch: 1, pos: 0, kind: "exit", exitCode: 129, reason: "closed" }));
  expect(result.current).toMatchObject({ state: "closed", error: null, terminal: { end: { reason: "closed" } } });
});

test("keeps its functions for a session", async () => {
  const { result, rerender } = await mounted();
  const names = ["executeCommand", "resizeTerminal", "reconnect", "close", "extend", "attach"] as const;
  const before = names.map((name) => result.current[name]);
  rerender({ ...base, token: "t2", onMessage: () => {} });
  expect(names.map((name) => result.current[name])).toEqual(before);
  rerender({ ...base, sessionId: "s2" });
  expect(result.current.extend).not.toBe(before[4]);
});

test("waits for a token without an error", async () => {
  const { result, rerender } = mount({ token: null });
  expect(result.current).toMatchObject({ state: "connecting", error: null });
  rerender(base);
  await waitFor(() => expect(sockets).toHaveLength(1));
  expect(result.current.error).toBeNull();
});

test("reports a missing token, and connects once there is one", async () => {
  const { result, rerender } = mount({ token: undefined });
  await waitFor(() => expect(result.current.error?.code).toBe("UNAUTHORIZED"));
  expect(sockets).toHaveLength(0);
  rerender(base);
  await waitFor(() => expect(sockets).toHaveLength(1), { timeout: 3000 });
});

test("calls the latest getToken for each connection, and reports its failure", async () => {
  const { result, rerender } = mount({ token: undefined, getToken: () => Promise.reject(new Error("no")) });
  await waitFor(() => expect(result.current.error?.code).toBe("TOKEN_UNAVAILABLE"));
  rerender({ ...base, token: undefined, getToken: async () => "fetched" });
  await waitFor(() => expect(sockets[0]?.url).toContain("token=fetched"), { timeout: 5000 });
});

function Page() {
  return <p>{useTerminalApiGateway(base).state}</p>;
}

test("renders on a server", () => {
  expect(renderToString(<Page />)).toBe("<p>connecting</p>");
});

test("carries the token as `tokenIn` says", async () => {
  const { socket } = await mounted({ tokenIn: "subprotocol" });
  expect(socket.url).not.toContain("t1");
  expect(socket.protocols).toContain("t1");
});
