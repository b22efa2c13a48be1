/**
 * Another life of the shell: what was meant for the old one never reaches it, and the page is told.
 */

import { describe, expect, test } from "vitest";
import { Bench, EPOCH } from "../support/bench.ts";

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
    bench.reopen();
    bench.socket.receive(refusal);
    expect(bench.sockets).toHaveLength(2);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_NOT_FOUND" } });
  });

  test("an answer from before it changes nothing", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    bench.socket.end();
    bench.reopen();
    bench.attached({ epoch: EPOCH - 1 });
    expect(bench.client.state.status).toBe("reconnecting");
    bench.attached({ pos: 3 });
    bench.output(3, "def");
    expect(bench.sink.text).toBe("abcdef");
    expect(bench.notices).toEqual([]);
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
    bench.reopen();
    bench.attached({ inputSeq: 0 });
    expect(bench.errors.map((error) => error.code)).toContain("INPUT_DISCARDED");
    bench.client.input("d");
    expect(bench.socket.of("input")).toEqual([{ type: "input", data: "d", seq: 1, epoch: EPOCH }]);
  });
});

describe("a service that is replaced", () => {
  const exit = (reason: string) => ({ kind: "exit", exitCode: 129, signal: "SIGHUP", reason });

  test.each(["server_restart", "owner_lost"])(
    "with %s is followed to the next shell, and the page is told",
    async (reason) => {
      const bench = new Bench().attach();
      bench.output(0, "old");
      bench.event(3, { kind: "closing", code: "DRAINING", reason, at: 5 });
      const command = bench.client.executeCommand("make");
      bench.event(4, exit(reason));
      expect(bench.socket.of("ack").map((ack) => ack.pos)).toEqual([5]);
      expect(bench.client.state).toMatchObject({ status: "reconnecting", end: null });
      bench.reopen();
      expect(bench.sockets).toHaveLength(2);
      bench.attached({ epoch: EPOCH + 1 });
      await expect(command).rejects.toMatchObject({ code: "INPUT_DISCARDED" });
      expect(bench.notices).toMatchObject([{ kind: "restarted", reason }]);
      bench.event(0, { kind: "restarted", reason }, { epoch: EPOCH + 1 } as object);
      expect(bench.notices).toHaveLength(1);
      expect(bench.client.state).toMatchObject({ status: "connected", closing: null, error: null });
    },
  );

  test("may not know for a moment that the session goes on", () => {
    const bench = new Bench().attach();
    bench.event(0, exit("server_restart"));
    for (const code of ["DRAINING", "SESSION_ENDED", "SESSION_NOT_FOUND"]) {
      bench.reopen();
      bench.socket.receive({ type: "error", code, message: "not yet", retryable: code === "DRAINING" });
      expect(bench.client.state.status).toBe("reconnecting");
    }
    bench.reopen();
    bench.attached({ epoch: EPOCH + 1 });
    expect(bench.client.state.status).toBe("connected");
  });

  test("but one that goes on refusing is believed", () => {
    const bench = new Bench().attach();
    bench.event(0, exit("server_restart"));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      bench.reopen();
      bench.socket.receive({ type: "error", code: "SESSION_ENDED", message: "over", retryable: false });
    }
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_ENDED" } });
    expect(bench.clock.pending).toBe(0);
  });

  test("every other end is one", () => {
    const bench = new Bench().attach();
    bench.event(0, exit("detached"));
    expect(bench.client.state).toMatchObject({ status: "closed", end: { reason: "detached", signal: "SIGHUP" } });
  });

  test("a page that comes later hears of it from history", () => {
    const bench = new Bench().attach();
    bench.event(0, { kind: "restarted", reason: "owner_lost" });
    expect(bench.notices).toMatchObject([{ kind: "restarted", reason: "owner_lost" }]);
  });
});

test("an acknowledgement that does not say of which life it speaks is worth nothing", () => {
  const bench = new Bench().attach();
  bench.client.input("a");
  const gap = { type: "error", code: "INPUT_GAP", message: "", retryable: true, have: 1 };
  for (const frame of [
    { type: "pong", timestamp: 1, ackSeq: 1, head: 9 },
    { type: "pong", timestamp: 1, ackSeq: 1, head: 9, epoch: EPOCH - 1 },
    { ...gap, ackSeq: 1, head: 9 },
    { type: "unknown_command", received: "x", ackSeq: 1, head: 9 },
  ]) {
    bench.socket.receive(frame);
  }
  bench.clock.advance(2000);
  expect(bench.socket.of("input")).toHaveLength(2);
  expect(bench.socket.of("follow")).toEqual([]);
  bench.socket.receive({ type: "pong", timestamp: 1, ackSeq: 1, head: 9, epoch: EPOCH });
  bench.clock.advance(2000);
  expect(bench.socket.of("input")).toHaveLength(2);
  expect(bench.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0, repair: true }]);
});
