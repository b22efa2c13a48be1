/**
 * Connecting, attaching, losing and finding again; and what is said about it.
 */

import { describe, expect, test } from "vitest";
import { TerminalClient } from "../../src/core/index.ts";
import { address } from "../../src/core/socket.ts";
import { Bench, EPOCH } from "../support/bench.ts";

describe("address", () => {
  test("carries token and session in the query, beside what the address has already", () => {
    expect(address("wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1", "s 1", "t.k", "query")).toEqual({
      url: "wss://x.execute-api.eu-west-1.amazonaws.com/production?a=1&token=t.k&sessionId=s+1",
      protocols: [],
      shown: "wss://x.execute-api.eu-west-1.amazonaws.com/production",
    });
  });

  test("or the token as a subprotocol", () => {
    expect(address("https://host/terminal", "s1", "t.k", "subprotocol")).toEqual({
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
    await Promise.resolve();
    bench.socket.end();
    bench.clock.advance(1000);
    await Promise.resolve();
    expect(bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"))).toEqual(["t1", "t2"]);
  });

  test("without a window, as on a server, it can be made", () => {
    expect(new TerminalClient({ url: "wss://x/y", sessionId: "s", token: "t" }).state.status).toBe("idle");
  });
});

describe("coming back", () => {
  test("waits up to 1, 2, 4, 8 s, and gives up after five attempts", () => {
    const bench = new Bench({ random: () => 1 });
    bench.client.connect();
    const times: number[] = [];
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      while (bench.sockets.length < attempt) bench.clock.advance(100);
      times.push(bench.clock.now());
      bench.socket.end();
    }
    expect(times).toEqual([100, 2100, 6100, 14_100, 30_100]);
    expect(bench.client.state).toMatchObject({ status: "failed", error: { code: "CONNECTION_FAILED" } });
    expect(bench.lines.filter((line) => line.startsWith("Connecting")).at(-1)).toContain("(attempt 5/5)");
    expect(bench.clock.pending).toBe(0);
    bench.client.connect();
    bench.clock.advance(0);
    expect(bench.sockets).toHaveLength(6);
  });

  test("resumes where it was and sends again what was not acknowledged", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    for (const key of "xyz") bench.client.input(key);
    bench.ack(1);
    bench.socket.end();
    expect(bench.client.state.status).toBe("reconnecting");
    bench.client.input("!");
    bench.clock.advance(1000);
    bench.socket.onopen?.();
    expect(bench.socket.sent).toEqual([
      { type: "attach", client: "c1", cols: 80, rows: 24, resume: { epoch: EPOCH, pos: 3 } },
    ]);
    bench.attached({ pos: 3, inputSeq: 2 });
    expect(bench.socket.of("input").map((input) => [input.seq, "data" in input && input.data])).toEqual([
      [3, "z"],
      [4, "!"],
    ]);
    bench.output(3, "def");
    expect(bench.sink.journal).toEqual(["size 80x24", "> abc", "> def"]);
    expect(bench.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("a connection that is dead although nobody said so is left", () => {
    const bench = new Bench().attach();
    bench.socket.receive({ type: "pong", timestamp: 1 });
    bench.clock.advance(5000);
    bench.socket.receive({ type: "pong", timestamp: 1 });
    bench.clock.advance(30_000);
    expect(bench.socket.of("ping")).toHaveLength(3);
    bench.clock.advance(15_000);
    expect(bench.sockets[0]?.closed).toBe(true);
    bench.clock.advance(1000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("the way there and back is measured by the answer to a ping", () => {
    const bench = new Bench().attach();
    const [ping] = bench.socket.of("ping");
    bench.clock.advance(42);
    bench.socket.receive({ type: "pong", t: ping?.t, timestamp: 1 });
    expect(bench.client.state.latencyMs).toBe(42);
  });

  test("a connection that the service forgot is replaced", () => {
    const bench = new Bench().attach();
    bench.socket.receive({ type: "error", code: "CONNECTION_GONE", message: "gone", retryable: false });
    bench.clock.advance(1000);
    expect(bench.sockets).toHaveLength(2);
  });

  test.each([
    ["an invalid session", 4000],
    ["a refused token", 4001],
  ])("%s is final", (_, code) => {
    const bench = new Bench().open();
    bench.socket.end(code, "no");
    expect(bench.client.state.status).toBe("failed");
    expect(bench.clock.pending).toBe(0);
  });

  test("so is a refused attach, while one message that is refused is not", () => {
    const refusal = { type: "error", code: "FORBIDDEN", message: "not yours", retryable: false };
    const bench = new Bench().open();
    bench.socket.receive(refusal);
    expect(bench.client.state).toMatchObject({ status: "failed", error: { code: "FORBIDDEN" } });
    const attached = new Bench().attach();
    attached.socket.receive(refusal);
    expect(attached.client.state.status).toBe("connected");
    expect(attached.errors.map((error) => error.code)).toEqual(["FORBIDDEN"]);
  });

  test("leaving takes everything along", () => {
    const bench = new Bench().attach();
    bench.client.input("a");
    bench.output(5, "early");
    bench.client.disconnect();
    expect(bench.clock.pending).toBe(0);
    expect(bench.socket.closed).toBe(true);
    expect(bench.client.state.status).toBe("idle");
  });
});

describe("another life of the shell", () => {
  test("what was typed for the old one is thrown away, and said so", async () => {
    const bench = new Bench().attach();
    bench.output(0, "old");
    bench.client.input("rm -rf build\r");
    const command = bench.client.executeCommand("make");
    bench.socket.receive({ type: "error", code: "STALE_EPOCH", message: "another shell", retryable: false });
    expect(bench.socket.sent.at(-1)).toMatchObject({ type: "attach", resume: { epoch: EPOCH, pos: 3 } });
    bench.attached({ epoch: EPOCH + 1, inputSeq: 0 });
    bench.client.input("ls\r");
    await expect(command).rejects.toMatchObject({ code: "INPUT_DISCARDED" });
    expect(bench.errors.map((error) => error.code)).toEqual(["INPUT_DISCARDED"]);
    expect(bench.socket.sent.at(-1)).toEqual({ type: "input", data: "ls\r", seq: 1, epoch: EPOCH + 1 });
    bench.output(0, "new", { epoch: EPOCH + 1 } as object);
    expect(bench.sink.journal).toEqual(["size 80x24", "> old", "reset modes", "size 80x24", "> new"]);
  });

  test.each(["NOT_ATTACHED", "SESSION_NOT_FOUND"])(
    "a service that forgot everything (%s) is attached to anew",
    (code) => {
      const bench = new Bench().attach();
      const refusal = { type: "error", code, message: "who?", retryable: false };
      for (const key of "abc") bench.client.input(key);
      for (const _ of "abc") bench.socket.receive(refusal);
      expect(bench.socket.of("attach")).toHaveLength(2);
      expect(bench.client.state.status).toBe("connected");
      expect(bench.errors).toEqual([]);
      bench.attached({ epoch: EPOCH + 1 });
      expect(bench.errors.map((error) => error.code)).toEqual(["INPUT_DISCARDED"]);
    },
  );

  test("one that keeps refusing is left for another connection", () => {
    const bench = new Bench().attach();
    const refusal = { type: "error", code: "SESSION_NOT_FOUND", message: "who?", retryable: false };
    bench.socket.receive(refusal);
    bench.clock.advance(6000);
    bench.socket.onopen?.();
    bench.socket.receive(refusal);
    expect(bench.sockets).toHaveLength(2);
    expect(bench.client.state).toMatchObject({ status: "failed", error: { code: "SESSION_NOT_FOUND" } });
  });

  test("a frame of it makes the client ask", () => {
    const bench = new Bench().attach();
    bench.event(0, { kind: "restarted", reason: "owner_lost" }, { epoch: EPOCH + 1 } as object);
    expect(bench.socket.sent.at(-1)?.type).toBe("attach");
  });

  test("late frames of the old one acknowledge nothing in the new", () => {
    const bench = new Bench().attach();
    bench.socket.receive({ type: "error", code: "STALE_EPOCH", message: "another shell", retryable: false });
    bench.attached({ epoch: EPOCH + 1 });
    bench.client.input("a");
    bench.ack(1);
    bench.clock.advance(1000);
    expect(bench.socket.of("input")).toHaveLength(2);
  });

  test("a service that forgot the client does not get its last keys twice", () => {
    const bench = new Bench().attach();
    for (const key of "abc") bench.client.input(key);
    bench.ack(2);
    bench.socket.end();
    bench.clock.advance(1000);
    bench.socket.onopen?.();
    bench.attached({ inputSeq: 0 });
    expect(bench.errors.map((error) => error.code)).toContain("INPUT_DISCARDED");
    bench.client.input("d");
    expect(bench.socket.of("input")).toEqual([{ type: "input", data: "d", seq: 1, epoch: EPOCH }]);
  });
});

describe("commands", () => {
  test("settle with what the service says at their place in the stream", async () => {
    const bench = new Bench().attach();
    const result = bench.client.executeCommand("ls");
    const [command] = bench.socket.of("command");
    expect(command).toEqual({ type: "command", id: "c1", command: "ls", seq: 1, epoch: EPOCH });
    bench.event(0, { kind: "command_result", id: "c1", result: "a\n", truncated: false, exitCode: 3 });
    await expect(result).resolves.toMatchObject({ result: "a\n", exitCode: 3, truncated: false });
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
    expect(bench.client.state).toMatchObject({ status: "ended", end: { exitCode: 3, reason: "exited" } });
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
  bench.event(2, { kind: "closing", code: "DRAINING", reason: "server_restart", at: 5 });
  expect(bench.client.state).toMatchObject({
    tty: { echo: false, canonical: true },
    title: "vim",
    closing: { reason: "server_restart", at: 5 },
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
