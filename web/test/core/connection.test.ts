/**
 * Connecting and attaching, commands, and the state that results.
 */

import { describe, expect } from "vitest";
import { buildAddress } from "../../src/core/address.ts";
import { TerminalClient } from "../../src/core/index.ts";
import { flushPromises } from "../support/flush-promises.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("buildAddress", () => {
  test("adds token and session to the query", () => {
    expect(buildAddress("wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1", "s 1", "t.k", "query")).toEqual({
      url: "wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1&token=t.k&sessionId=s+1",
      protocols: [],
      displayUrl: "wss://x.execute-api.eu-west-1.amazonaws.com/production",
    });
  });

  test("passes the token as a subprotocol", () => {
    expect(buildAddress("wss://host/terminal", "s1", "t.k", "subprotocol")).toEqual({
      url: "wss://host/terminal?sessionId=s1",
      protocols: ["termgate", "t.k"],
      displayUrl: "wss://host/terminal",
    });
  });
});

describe("connecting", () => {
  test("logs the known lines, and never the token", () => {
    const harness = new Harness().start();
    harness.clock.advance(120);
    harness.answer();
    expect(harness.lines).toEqual([
      "Connecting to wss://api.example/prod (attempt 1/5)",
      "Connected in 120ms",
      "Session validation successful",
      "Connected successfully",
    ]);
    expect(harness.socket.url).toContain("token=secret");
  });

  test("repeats the attach, and sends nothing else before the answer", () => {
    const harness = new Harness().open();
    harness.client.input("a");
    harness.clock.advance(3500);
    expect(harness.socket.sent).toEqual(Array(3).fill({ type: "attach", client: "c1", cols: 80, rows: 24 }));
    harness.attached();
    harness.attached();
    harness.clock.advance(900);
    expect(harness.socket.sent.slice(3).map((message) => message.type)).toEqual(["input", "ping"]);
  });

  test("delays the attach until the window's size is known", () => {
    const harness = new Harness({ size: undefined }).open();
    harness.clock.advance(200);
    expect(harness.socket.sent).toEqual([]);
    harness.client.resize(100, 30);
    expect(harness.socket.sent).toEqual([{ type: "attach", client: "c1", cols: 100, rows: 30 }]);
    const blind = new Harness({ size: undefined }).open();
    blind.clock.advance(1000);
    expect(blind.socket.sent).toEqual([{ type: "attach", client: "c1", cols: 80, rows: 24 }]);
  });

  test("ignores the answer to another page's attach", () => {
    const harness = new Harness().open();
    harness.attached({ client: "c0" });
    expect(harness.client.state.status).toBe("connecting");
  });

  test("opens one socket when mounted twice in a row", () => {
    const harness = new Harness();
    harness.client.connect();
    harness.client.disconnect();
    harness.start();
    expect(harness.sockets).toHaveLength(1);
  });

  test("sends a size that changed during the attach", () => {
    const harness = new Harness().open();
    harness.client.resize(100, 30);
    harness.attached();
    expect(harness.socket.of("resize")).toEqual([{ type: "resize", cols: 100, rows: 30, seq: 1, epoch: EPOCH }]);
  });

  test("fetches a token for each attempt", async () => {
    let asked = 0;
    const harness = new Harness({ token: async () => `t${++asked}` }).start();
    await flushPromises();
    harness.socket.end();
    harness.clock.advance(1000);
    await flushPromises();
    expect(harness.tokens).toEqual(["t1", "t2"]);
  });

  test("a client can be created on a server", () => {
    expect(new TerminalClient({ url: "wss://x/y", sessionId: "s", token: "t" }).state.status).toBe("closed");
  });
});

describe("commands", () => {
  test("resolve with the result", async ({ harness }) => {
    const result = harness.client.executeCommand("ls");
    const [command] = harness.socket.of("command");
    expect(command).toEqual({ type: "command", id: "c1", command: "ls", seq: 1, epoch: EPOCH });
    harness.event(0, { kind: "command_result", id: "c1", result: "a\n", truncated: false, exitCode: 3 });
    await expect(result).resolves.toEqual({ result: "a\n", exitCode: 3, truncated: false });
  });

  test("reject with the service's error", async ({ harness }) => {
    const result = harness.client.executeCommand("ls");
    harness.socket.receive({ type: "error", code: "BUSY", message: "busy", retryable: true, id: "c1" });
    await expect(result).rejects.toMatchObject({ code: "BUSY", retryable: true });
  });

  test.each([
    ["empty", "  ", "BAD_FIELD"],
    ["too long", "x".repeat(8193), "TOO_LARGE"],
    ["full of control characters", "ls\x1b[A", "BAD_FIELD"],
  ])("are rejected before sending if %s", async (_, command, code) => {
    const harness = new Harness().attach();
    await expect(harness.client.executeCommand(command)).rejects.toMatchObject({ code });
    expect(harness.socket.of("command")).toEqual([]);
  });

  test("reject at the end of the session, and after it", async ({ harness }) => {
    const result = harness.client.executeCommand("exit 3");
    harness.event(0, { kind: "exit", exitCode: 3, reason: "exited" });
    await expect(result).rejects.toMatchObject({ code: "SESSION_ENDED" });
    await expect(harness.client.executeCommand("ls")).rejects.toMatchObject({ code: "SESSION_ENDED" });
    expect(harness.client.state).toMatchObject({ status: "closed", end: { exitCode: 3, reason: "exited" } });
    expect(harness.acks).toEqual([1]);
    expect(harness.clock.pending).toBe(0);
  });
});

test("an error behind the gateway is shown until the next frame", ({ harness }) => {
  harness.socket.receive({ type: "error", code: "BACKEND_UNREACHABLE", message: "no service", retryable: true });
  expect(harness.client.state).toMatchObject({ status: "connected", error: { code: "BACKEND_UNREACHABLE" } });
  harness.socket.receive({ type: "pong", timestamp: 1 });
  expect(harness.client.state.error).toBeNull();
});

test("while the service does not answer, an idle page asks ever less often", ({ harness }) => {
  const asked: number[] = [];
  let before = harness.socket.of("follow").length;
  harness.socket.receive({ type: "error", code: "BACKEND_UNREACHABLE", message: "no service", retryable: true });
  for (let second = 1; second <= 60; second += 1) {
    harness.clock.advance(1000);
    const follows = harness.socket.of("follow").length;
    if (follows === before) continue;
    before = follows;
    asked.push(second);
    // Each is answered at once.
    harness.socket.receive({ type: "error", code: "BACKEND_UNREACHABLE", message: "no service", retryable: true });
  }
  expect(asked.slice(0, 5)).toEqual([1, 3, 7, 15, 23]);
  expect(asked.length).toBeLessThan(12);
});

test("events update the state", ({ harness }) => {
  harness.event(0, { kind: "tty", echo: false, canonical: true });
  harness.event(1, { kind: "title", title: "vim" });
  const at = harness.clock.wall() + 5;
  harness.event(2, { kind: "closing", code: "DRAINING", reason: "server_restart", at });
  expect(harness.client.state).toMatchObject({
    tty: { echo: false, canonical: true },
    title: "vim",
    closing: { reason: "server_restart", at },
  });
});

test("an invalid frame changes nothing", ({ harness }) => {
  const before = harness.client.state;
  for (const junk of [
    "",
    "{",
    "[]",
    "3",
    '"x"',
    "{}",
    '{"type":3}',
    '{"type":"output","epoch":1}',
    '{"type":"later"}',
  ]) {
    harness.socket.receive(junk);
  }
  harness.socket.onmessage?.({ data: new ArrayBuffer(3) });
  expect(harness.client.state).toBe(before);
  expect(harness.sink.text).toBe("");
});
