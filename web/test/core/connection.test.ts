/**
 * Connecting, attaching, losing and finding again; and what is said about it.
 */

import { describe, expect, test } from "vitest";
import { address } from "../../src/core/address.ts";
import { TerminalClient } from "../../src/core/index.ts";
import { Bench, EPOCH } from "../support/bench.ts";
import { settled } from "../support/settled.ts";

describe("address", () => {
  test("carries token and session in the query, beside what the address has already", () => {
    expect(address("wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1", "s 1", "t.k", "query")).toEqual({
      url: "wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1&token=t.k&sessionId=s+1",
      protocols: [],
      shown: "wss://x.execute-api.eu-west-1.amazonaws.com/production",
    });
  });

  test("or the token as a subprotocol", () => {
    expect(address("wss://host/terminal", "s1", "t.k", "subprotocol")).toEqual({
      url: "wss://host/terminal?sessionId=s1",
      protocols: ["termgate", "t.k"],
      shown: "wss://host/terminal",
    });
  });
});

describe("connecting", () => {
  test("says what operators search for, and never the token", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.clock.advance(0);
    bench.clock.advance(120);
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.lines).toEqual([
      "Connecting to wss://api.example/prod (attempt 1/5)",
      "Connected in 120ms",
      "Session validation successful",
      "Connected successfully",
    ]);
    expect(bench.socket.url).toContain("token=secret");
  });

  test("sends nothing but attach until it is attached, and repeats that", () => {
    const bench = new Bench().open();
    bench.client.input("a");
    bench.clock.advance(3500);
    expect(bench.socket.sent).toEqual(Array(3).fill({ type: "attach", client: "c1", cols: 80, rows: 24 }));
    bench.attached();
    bench.attached();
    bench.clock.advance(900);
    expect(bench.socket.sent.slice(3).map((message) => message.type)).toEqual(["input", "ping"]);
  });

  test("an attach waits a moment for the window's size", () => {
    const bench = new Bench({ size: undefined }).open();
    bench.clock.advance(200);
    expect(bench.socket.sent).toEqual([]);
    bench.client.resize(100, 30);
    expect(bench.socket.sent).toEqual([{ type: "attach", client: "c1", cols: 100, rows: 30 }]);
    const blind = new Bench({ size: undefined }).open();
    blind.clock.advance(1000);
    expect(blind.socket.sent).toEqual([{ type: "attach", client: "c1", cols: 80, rows: 24 }]);
  });

  test("an answer to another page's attach is not taken for ours", () => {
    const bench = new Bench().open();
    bench.attached({ client: "c0" });
    expect(bench.client.state.status).toBe("connecting");
  });

  test("mounting twice in a row opens one socket", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.client.disconnect();
    bench.client.connect();
    bench.clock.advance(0);
    expect(bench.sockets).toHaveLength(1);
  });

  test("a size that changed while attaching is sent after it", () => {
    const bench = new Bench().open();
    bench.client.resize(100, 30);
    bench.attached();
    expect(bench.socket.of("resize")).toEqual([{ type: "resize", cols: 100, rows: 30, seq: 1, epoch: EPOCH }]);
  });

  test("a token source is asked for each attempt", async () => {
    let asked = 0;
    const bench = new Bench({ token: async () => `t${++asked}` });
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.socket.end();
    bench.clock.advance(1000);
    await settled();
    expect(bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"))).toEqual(["t1", "t2"]);
  });

  test("without a window, as on a server, it can be made", () => {
    expect(new TerminalClient({ url: "wss://x/y", sessionId: "s", token: "t" }).state.status).toBe("closed");
  });
});

describe("commands", () => {
  test("settle with what the service says at their place in the stream", async () => {
    const bench = new Bench().attach();
    const result = bench.client.executeCommand("ls");
    const [command] = bench.socket.of("command");
    expect(command).toEqual({ type: "command", id: "c1", command: "ls", seq: 1, epoch: EPOCH });
    bench.event(0, { kind: "command_result", id: "c1", result: "a\n", truncated: false, exitCode: 3 });
    await expect(result).resolves.toEqual({ result: "a\n", exitCode: 3, truncated: false });
  });

  test("or with its refusal", async () => {
    const bench = new Bench().attach();
    const result = bench.client.executeCommand("ls");
    bench.socket.receive({ type: "error", code: "BUSY", message: "busy", retryable: true, id: "c1" });
    await expect(result).rejects.toMatchObject({ code: "BUSY", retryable: true });
  });

  test.each([
    ["empty", "  ", "BAD_FIELD"],
    ["too long", "x".repeat(8193), "TOO_LARGE"],
    ["full of control characters", "ls\x1b[A", "BAD_FIELD"],
  ])("one that is %s is refused before it is sent", async (_, command, code) => {
    const bench = new Bench().attach();
    await expect(bench.client.executeCommand(command)).rejects.toMatchObject({ code });
    expect(bench.socket.of("command")).toEqual([]);
  });

  test("never hang: the end of the session settles them, and those that come later", async () => {
    const bench = new Bench().attach();
    const result = bench.client.executeCommand("exit 3");
    bench.event(0, { kind: "exit", exitCode: 3, reason: "exited" });
    await expect(result).rejects.toMatchObject({ code: "SESSION_ENDED" });
    await expect(bench.client.executeCommand("ls")).rejects.toMatchObject({ code: "SESSION_ENDED" });
    expect(bench.client.state).toMatchObject({ status: "closed", end: { exitCode: 3, reason: "exited" } });
    expect(bench.socket.of("ack").map((ack) => ack.pos)).toEqual([1]);
    expect(bench.clock.pending).toBe(0);
  });
});

test("trouble behind the gateway shows until the service is heard again", () => {
  const bench = new Bench().attach();
  bench.socket.receive({ type: "error", code: "BACKEND_UNREACHABLE", message: "no service", retryable: true });
  expect(bench.client.state).toMatchObject({ status: "connected", error: { code: "BACKEND_UNREACHABLE" } });
  bench.socket.receive({ type: "pong", timestamp: 1 });
  expect(bench.client.state.error).toBeNull();
});

test("events reach the page's state in their order", () => {
  const bench = new Bench().attach();
  bench.event(0, { kind: "tty", echo: false, canonical: true });
  bench.event(1, { kind: "title", title: "vim" });
  const at = bench.clock.wall() + 5;
  bench.event(2, { kind: "closing", code: "DRAINING", reason: "server_restart", at });
  expect(bench.client.state).toMatchObject({
    tty: { echo: false, canonical: true },
    title: "vim",
    closing: { reason: "server_restart", at },
  });
});

test("what is no frame changes nothing", () => {
  const bench = new Bench().attach();
  const before = bench.client.state;
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
    bench.socket.receive(junk);
  }
  bench.socket.onmessage?.({ data: new ArrayBuffer(3) });
  expect(bench.client.state).toBe(before);
  expect(bench.sink.text).toBe("");
});
