/**
 * A restarted shell: input for the previous one never reaches it, and the page is told.
 */

import { describe, expect } from "vitest";
import { EPOCH, Harness, test } from "../support/harness.ts";

describe("a new epoch", () => {
  test("discards and reports input for the previous shell", async ({ harness }) => {
    harness.output(0, "old");
    harness.client.input("rm -rf build\r");
    const command = harness.client.executeCommand("make");
    harness.error("STALE_EPOCH");
    expect(harness.socket.sent.at(-1)).toMatchObject({ type: "attach", resume: { epoch: EPOCH, pos: 3 } });
    harness.attached({ epoch: EPOCH + 1, inputSeq: 0 });
    harness.client.input("ls\r");
    await expect(command).rejects.toMatchObject({ code: "INPUT_DISCARDED" });
    expect(harness.errorCodes).toEqual(["INPUT_DISCARDED"]);
    expect(harness.socket.sent.at(-1)).toEqual({ type: "input", data: "ls\r", seq: 1, epoch: EPOCH + 1 });
    harness.output(0, "new", { epoch: EPOCH + 1 } as object);
    expect(harness.sink.journal).toEqual(["size 80x24", "> old", "reset modes", "size 80x24", "> new"]);
  });

  test.each(["NOT_ATTACHED", "SESSION_NOT_FOUND"])("is attached once after %s", (code) => {
    const harness = new Harness().attach();
    const refusal = { type: "error", code, message: "who?", retryable: false };
    for (const key of "abc") harness.client.input(key);
    for (const _ of "abc") harness.socket.receive(refusal);
    expect(harness.socket.of("attach")).toHaveLength(2);
    expect(harness.client.state.status).toBe("connected");
    expect(harness.errors).toEqual([]);
    harness.attached({ epoch: EPOCH + 1 });
    expect(harness.errorCodes).toEqual(["INPUT_DISCARDED"]);
  });

  test("closes the client if the service keeps rejecting", ({ harness }) => {
    const refusal = { type: "error", code: "SESSION_NOT_FOUND", message: "who?", retryable: false };
    harness.socket.receive(refusal);
    harness.reopen();
    harness.socket.receive(refusal);
    expect(harness.sockets).toHaveLength(2);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_NOT_FOUND" } });
  });

  test("ignores an answer from before it", ({ harness }) => {
    harness.output(0, "abc");
    harness.reconnect({ epoch: EPOCH - 1 });
    expect(harness.client.state.status).toBe("reconnecting");
    harness.attached({ pos: 3 });
    harness.output(3, "def");
    expect(harness.sink.text).toBe("abcdef");
    expect(harness.notices).toEqual([]);
  });

  test("is attached when one of its frames arrives", ({ harness }) => {
    harness.event(0, { kind: "restarted", reason: "owner_lost" }, { epoch: EPOCH + 1 } as object);
    expect(harness.socket.sent.at(-1)?.type).toBe("attach");
  });

  test("ignores acknowledgements of the previous one", ({ harness }) => {
    harness.error("STALE_EPOCH");
    harness.attached({ epoch: EPOCH + 1 });
    harness.client.input("a");
    harness.ack(1);
    harness.clock.advance(1000);
    expect(harness.socket.of("input")).toHaveLength(2);
  });

  test("input is not repeated to a service that forgot the client", ({ harness }) => {
    for (const key of "abc") harness.client.input(key);
    harness.ack(2);
    harness.reconnect({ inputSeq: 0 });
    expect(harness.errorCodes).toContain("INPUT_DISCARDED");
    harness.client.input("d");
    expect(harness.socket.of("input")).toEqual([{ type: "input", data: "d", seq: 1, epoch: EPOCH }]);
  });
});

describe("a migration", () => {
  const exit = (reason: string) => ({ kind: "exit", exitCode: 129, signal: "SIGHUP", reason });

  test.each(["server_restart", "owner_lost"])(
    "because of %s continues with the next shell and is reported",
    async (reason) => {
      const harness = new Harness().attach();
      harness.output(0, "old");
      harness.event(3, { kind: "closing", code: "DRAINING", reason, at: 5 });
      const command = harness.client.executeCommand("make");
      harness.event(4, exit(reason));
      expect(harness.acks).toEqual([5]);
      expect(harness.client.state).toMatchObject({ status: "reconnecting", end: null });
      harness.reopen();
      expect(harness.sockets).toHaveLength(2);
      harness.attached({ epoch: EPOCH + 1 });
      await expect(command).rejects.toMatchObject({ code: "INPUT_DISCARDED" });
      expect(harness.notices).toMatchObject([{ kind: "restarted", reason }]);
      harness.event(0, { kind: "restarted", reason }, { epoch: EPOCH + 1 } as object);
      expect(harness.notices).toHaveLength(1);
      expect(harness.client.state).toMatchObject({ status: "connected", closing: null, error: null });
    },
  );

  test("tolerates errors of a service that does not know the session yet", ({ harness }) => {
    harness.event(0, exit("server_restart"));
    for (const code of ["DRAINING", "SESSION_ENDED", "SESSION_NOT_FOUND"]) {
      harness.reopen();
      harness.socket.receive({ type: "error", code, message: "not yet", retryable: code === "DRAINING" });
      expect(harness.client.state.status).toBe("reconnecting");
    }
    harness.reattach({ epoch: EPOCH + 1 });
    expect(harness.client.state.status).toBe("connected");
  });

  test("ends with the error if all attempts fail", ({ harness }) => {
    harness.event(0, exit("server_restart"));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      harness.reopen();
      harness.error("SESSION_ENDED");
    }
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_ENDED" } });
    expect(harness.clock.pending).toBe(0);
  });

  test("is not assumed for other reasons", ({ harness }) => {
    harness.event(0, exit("detached"));
    expect(harness.client.state).toMatchObject({ status: "closed", end: { reason: "detached", signal: "SIGHUP" } });
  });

  test("is reported from history to a page that comes later", ({ harness }) => {
    harness.event(0, { kind: "restarted", reason: "owner_lost" });
    expect(harness.notices).toMatchObject([{ kind: "restarted", reason: "owner_lost" }]);
  });
});

test("an acknowledgement without the current epoch is ignored", ({ harness }) => {
  harness.client.input("a");
  const gap = { type: "error", code: "INPUT_GAP", message: "", retryable: true, have: 1 };
  for (const frame of [
    { type: "pong", timestamp: 1, ackSeq: 1, head: 9 },
    { type: "pong", timestamp: 1, ackSeq: 1, head: 9, epoch: EPOCH - 1 },
    { ...gap, ackSeq: 1, head: 9 },
    { type: "unknown_command", received: "x", ackSeq: 1, head: 9 },
  ]) {
    harness.socket.receive(frame);
  }
  harness.clock.advance(2000);
  expect(harness.socket.of("input")).toHaveLength(2);
  expect(harness.socket.of("follow")).toEqual([]);
  harness.socket.receive({ type: "pong", timestamp: 1, ackSeq: 1, head: 9, epoch: EPOCH });
  harness.clock.advance(2000);
  expect(harness.socket.of("input")).toHaveLength(2);
  expect(harness.socket.of("follow")).toEqual([{ type: "follow", epoch: EPOCH, pos: 0, repair: true }]);
});
