/**
 * Ctrl-C overtakes queued input.
 */

import { describe, expect } from "vitest";
import { EPOCH, Harness, test } from "../support/harness.ts";

const CTRL_C = "\x03";

/** The sent messages in short form. */
const sent = (harness: Harness, from = 0) =>
  harness.socket.sent.slice(from).flatMap((message) => {
    if (message.type === "input" && "data" in message) return [`${message.seq}:${message.data.slice(0, 12)}`];
    if (message.type === "interrupt") return [`${message.seq}^${message.afterSeq}`];
    if (message.type === "resize" || message.type === "command") return [`${message.seq}:${message.type}`];
    return [];
  });

test("Ctrl-C is numbered and names the message before it", ({ harness }) => {
  harness.client.input("ab");
  harness.client.input(CTRL_C);
  harness.client.input("c");
  expect(harness.socket.of("interrupt")).toEqual([{ type: "interrupt", seq: 2, epoch: EPOCH, afterSeq: 1 }]);
  expect(sent(harness)).toEqual(["1:ab", "2^1", "3:c"]);
});

test("Ctrl-C pressed twice is two messages, which are resent with the same numbers", ({ harness }) => {
  harness.client.input(CTRL_C);
  harness.client.input(CTRL_C);
  harness.clock.advance(1000);
  expect(sent(harness)).toEqual(["1^0", "2^1", "1^0", "2^1"]);
});

test("Ctrl-C among other characters is ordinary input", ({ harness }) => {
  harness.client.input(`x${CTRL_C}`);
  expect(harness.socket.of("interrupt")).toEqual([]);
});

test("a viewer interrupts nothing", () => {
  const harness = new Harness().attach({ role: "viewer" });
  harness.client.input(CTRL_C);
  expect(sent(harness)).toEqual([]);
});

describe("during a paste that is not read", () => {
  const pasted = () => {
    const harness = new Harness().attach();
    harness.client.input(`\x1b[200~${"line\r".repeat(40_000)}\x1b[201~`);
    const before = harness.socket.sent.length;
    return { harness, before };
  };

  test("Ctrl-C exceeds the window, and the rest of the paste is dropped", () => {
    const { harness, before } = pasted();
    const last = harness.socket.of("input").at(-1)?.seq ?? 0;
    harness.client.input(CTRL_C);
    // The program has received the start of the paste; where Ctrl-C is a key, it needs the end.
    expect(sent(harness, before)).toEqual([`${last + 1}:\x1b[201~`, `${last + 2}^${last + 1}`]);
    harness.client.input("ls\r");
    harness.ack(last + 2);
    expect(sent(harness, before).slice(2)).toEqual([`${last + 3}:ls\r`]);
    expect(harness.notices).toMatchObject([
      { kind: "dropped", text: expect.stringMatching(/^Ctrl-C dropped 1\d\d kB/) },
    ]);
  });

  test("other queued messages follow the Ctrl-C", async () => {
    const { harness, before } = pasted();
    harness.client.resize(100, 30);
    void harness.client.executeCommand("ls").catch(() => {});
    harness.client.input(CTRL_C);
    const numbered = sent(harness, before).map((text) => text.replace(/^\d+/, ""));
    expect(numbered).toEqual([":\x1b[201~", expect.stringMatching(/^\^\d+$/)]);
    harness.ack(harness.socket.of("interrupt")[0]?.seq ?? 0);
    expect(sent(harness, before).map((text) => text.replace(/^\d+/, ""))).toEqual([...numbered, ":resize", ":command"]);
  });
});

describe("while the connection is lost", () => {
  test("short input stays ahead of the Ctrl-C", ({ harness }) => {
    harness.socket.end();
    for (const key of ["i", "text", CTRL_C, ":wq\r"]) harness.client.input(key);
    harness.reattach();
    expect(sent(harness)).toEqual(["1:itext", "2^1", "3::wq\r"]);
    expect(harness.notices).toEqual([]);
  });

  test("a paste before the Ctrl-C is dropped, one after it is sent", ({ harness }) => {
    harness.socket.end();
    harness.client.input("x".repeat(5000));
    harness.client.input(CTRL_C);
    harness.client.input("y".repeat(5000));
    harness.reattach();
    expect(sent(harness)).toEqual(["1^0", "2:yyyyyyyyyyyy"]);
    expect(harness.notices).toMatchObject([{ kind: "dropped", characters: 5000 }]);
  });

  test("an unacknowledged Ctrl-C is resent first", ({ harness }) => {
    for (const key of ["a", "b", CTRL_C]) harness.client.input(key);
    harness.reconnect();
    expect(sent(harness)).toEqual(["3^2", "1:a", "2:b"]);
  });
});

test("a lone surrogate before the Ctrl-C is dropped", ({ harness }) => {
  harness.client.input("\ud83d");
  harness.client.input(CTRL_C);
  harness.client.input("a");
  expect(sent(harness)).toEqual(["1^0", "2:a"]);
});

describe("output that the emulator has not parsed", () => {
  const snapshot = {
    ...{ type: "snapshot", epoch: EPOCH, pos: 500_000, id: 1, part: 1, parts: 1, scope: "screen" },
    ...{ cols: 80, rows: 24, skipped: 0, data: "^C\r\n$ ", head: 500_000 },
  };

  test("is replaced by the snapshot, and acknowledged with it", ({ harness }) => {
    harness.sink.eager = false;
    for (let pos = 0; pos < 500_000; pos += 25_000) harness.output(pos, "y\n".repeat(12_500));
    harness.client.input(CTRL_C);
    harness.socket.receive(snapshot);
    harness.sink.parse();
    const flood = harness.sink.text.split("\x18")[0] ?? "";
    expect(flood.length).toBeLessThanOrEqual(160_000);
    expect(harness.sink.journal.slice(-3)).toEqual(["> \x18", "size 80x24", "> ^C\r\n$ "]);
    harness.clock.advance(1000);
    expect(harness.socket.of("ack").at(-1)?.pos).toBe(500_000);
    // Listeners still receive every byte.
    const received = harness.messages.reduce(
      (sum, message) => sum + (message.type === "output" ? message.bytes.length : 0),
      0,
    );
    expect(received).toBe(500_000);
    expect(harness.notices).toEqual([]);
  });

  test("is shown if no snapshot follows", ({ harness }) => {
    harness.sink.eager = false;
    for (let pos = 0; pos < 500_000; pos += 25_000) harness.output(pos, "y\n".repeat(12_500));
    harness.client.input(CTRL_C);
    harness.sink.parse();
    expect(harness.sink.text).toHaveLength(500_000);
  });

  test("a snapshot without news changes nothing", ({ harness }) => {
    harness.output(0, "abc");
    harness.socket.receive({ ...snapshot, pos: 3, head: 3 });
    expect(harness.sink.text).toBe("abc");
  });
});

test("a client is busy unless its shell waits for a command and nothing was typed since", ({ harness }) => {
  expect(harness.client.busy).toBe(true);
  harness.output(0, "$ ", { prompt: true });
  expect(harness.client.busy).toBe(false);
  harness.client.input("sleep 9\r");
  expect(harness.client.busy).toBe(true);
  harness.output(2, "sleep 9", { ackSeq: 1 });
  expect(harness.client.busy).toBe(true);
  harness.output(9, "$ ", { ackSeq: 1, prompt: true });
  expect(harness.client.busy).toBe(false);
  harness.event(11, { kind: "exit", reason: "exited", exitCode: 0 });
  expect(harness.client.busy).toBe(false);
});
