/**
 * Reconnecting: delays, limits, and what happens to messages in flight.
 */

import { describe, expect } from "vitest";
import { flushPromises } from "../support/flush-promises.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

/** Lets every attempt fail; returns the times at which they started. */
function failing(harness: Harness, attempts: number): number[] {
  const times: number[] = [];
  const first = harness.sockets.length;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    for (let waited = 0; harness.sockets.length < first + attempt && waited < 60_000; waited += 10)
      harness.clock.advance(10);
    times.push(harness.clock.now());
    harness.socket.end();
  }
  return times;
}

/** A client after five failed attempts. */
function offline(options: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(options);
  harness.client.connect();
  failing(harness, 5);
  return harness;
}

describe("attempts", () => {
  test("are delayed up to 2, 4, 8, 16 s, with full jitter", () => {
    const slow = new Harness({ random: () => 1 });
    slow.client.connect();
    expect(failing(slow, 5)).toEqual([10, 2010, 6010, 14_010, 30_010]);
    const middling = new Harness({ random: () => 0.5 });
    middling.client.connect();
    expect(failing(middling, 5)).toEqual([10, 1010, 3010, 7010, 15_010]);
  });

  test("start at least 1 s apart", () => {
    const harness = new Harness({ random: () => 0 });
    harness.client.connect();
    expect(failing(harness, 4)).toEqual([10, 1000, 2000, 3000]);
  });

  test("are logged with their number", () => {
    const harness = offline();
    expect(harness.lines.filter((line) => line.startsWith("Connecting"))).toEqual(
      [1, 2, 3, 4, 5].map((attempt) => `Connecting to wss://api.example/prod (attempt ${attempt}/5)`),
    );
  });

  test("after five, the client is offline, reports it once, and retries slowly", () => {
    const harness = offline();
    expect(harness.client.state).toMatchObject({
      status: "offline",
      attempt: 0,
      error: { code: "MAX_RETRIES_EXCEEDED" },
    });
    const began = failing(harness, 3);
    expect(began.map((time, at) => time - (began[at - 1] ?? time))).toEqual([0, 22_500, 22_500]);
    expect(harness.client.state.status).toBe("offline");
    expect(harness.errors.filter((error) => error.code === "MAX_RETRIES_EXCEEDED")).toHaveLength(1);
    harness.clock.advance(30_000);
    harness.answer();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
    harness.socket.end();
    expect(harness.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
  });

  test.each<[string, (harness: Harness) => void]>([
    ["the network returns", (harness) => harness.page.goOnline()],
    ["the page is shown", (harness) => harness.page.show()],
    ["the user types", (harness) => harness.client.input("x")],
    ["the page connects", (harness) => harness.client.connect()],
    ["a command is run", (harness) => void harness.client.executeCommand("ls").catch(() => {})],
    ["a new token is set", (harness) => harness.client.setToken("fresh")],
  ])("are made at once when offline and %s", (_, happens) => {
    const harness = offline();
    harness.clock.advance(5000);
    expect(harness.sockets).toHaveLength(5);
    happens(harness);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(6);
    expect(harness.client.state).toMatchObject({ status: "connecting", attempt: 1 });
    expect(harness.lines.at(-1)).toContain("(attempt 1/5)");
  });

  test("are not made by a hidden page", () => {
    const harness = new Harness();
    harness.client.connect();
    harness.page.hide();
    failing(harness, 5);
    harness.clock.advance(10 * 60_000 - 60_000);
    expect(harness.sockets).toHaveLength(5);
    harness.page.show();
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(6);
  });

  test("stay limited when woken many times", ({ harness }) => {
    harness.socket.end();
    for (let at = 0; at < 100; at += 1) {
      harness.page.goOnline();
      harness.page.show();
      harness.clock.advance(30);
      if (harness.sockets.length > 1) harness.socket.end();
    }
    expect(harness.sockets.length).toBeLessThanOrEqual(4);
  });

  test("are delayed longer after a short connection", () => {
    const harness = new Harness({ random: () => 1 }).attach();
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      harness.clock.advance(1000);
      const lost = harness.clock.now();
      const before = harness.sockets.length;
      harness.socket.end();
      while (harness.sockets.length === before) harness.clock.advance(10);
      waits.push(harness.clock.now() - lost);
      harness.answer();
    }
    expect(waits).toEqual([2000, 2000, 2000, 2000, 2000]);
    expect(harness.client.state.status).toBe("connected");
  });

  test("fetch a token each, with a timeout", async () => {
    let asked = 0;
    const token = () => {
      asked += 1;
      return asked === 1 ? new Promise<string>(() => {}) : Promise.resolve(`t${asked}`);
    };
    const harness = new Harness({ token });
    harness.client.connect();
    harness.clock.advance(15_000);
    harness.clock.advance(2000);
    await flushPromises();
    expect(harness.tokens).toEqual(["t2"]);
  });

  test("fail if the token cannot be fetched", async () => {
    let asked = 0;
    const token = async () => {
      asked += 1;
      if (asked < 3) throw new Error("no");
      return "good";
    };
    const harness = new Harness({ token });
    harness.client.connect();
    for (let second = 0; second < 10; second += 1) {
      harness.clock.advance(1000);
      await flushPromises();
    }
    expect(harness.tokens).toEqual(["good"]);
  });
});

describe("a new connection", () => {
  test("resumes output and resends unacknowledged input", ({ harness }) => {
    harness.output(0, "abc");
    for (const key of "xyz") harness.client.input(key);
    harness.ack(1);
    harness.socket.end();
    expect(harness.client.state.status).toBe("reconnecting");
    harness.client.input("!");
    harness.reopen();
    expect(harness.socket.sent).toEqual([
      { type: "attach", client: "c1", cols: 80, rows: 24, resume: { epoch: EPOCH, pos: 3 } },
    ]);
    harness.attached({ pos: 3, inputSeq: 2 });
    expect(harness.socket.of("input").map((input) => [input.seq, "data" in input && input.data])).toEqual([
      [3, "z"],
      [4, "!"],
    ]);
    harness.output(3, "def");
    expect(harness.sink.journal).toEqual(["size 80x24", "> abc", "> def"]);
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("carries the input that was typed while the last one was closing", ({ harness }) => {
    const sent = harness.socket.texts.length;
    harness.socket.readyState = 2;
    harness.client.input("x");
    expect(harness.socket.texts).toHaveLength(sent);
    harness.reconnect();
    expect(harness.socket.of("input")).toMatchObject([{ seq: 1, data: "x" }]);
  });

  test("replaces one that the service forgot", ({ harness }) => {
    harness.error("CONNECTION_GONE");
    harness.reopen();
    expect(harness.sockets).toHaveLength(2);
  });

  test.each([
    ["an invalid session", 4000],
    ["a rejected token", 4001],
  ])("is not opened after %s", (_, code) => {
    const harness = new Harness().open();
    harness.socket.end(code, "no");
    expect(harness.client.state.status).toBe("closed");
    expect(harness.clock.pending).toBe(0);
    expect(harness.page.watched).toBe(false);
  });

  test("is opened after an expired token if another can be fetched", async () => {
    const harness = new Harness({ token: async () => "t" }).start();
    await flushPromises();
    harness.answer();
    harness.socket.end(4001, "expired");
    expect(harness.client.state.status).toBe("reconnecting");
  });

  test("is opened when a rejected client gets a new token", () => {
    const harness = new Harness().open();
    harness.socket.end(4001, "no");
    harness.client.setToken("secret");
    harness.clock.advance(5000);
    expect(harness.sockets).toHaveLength(1);
    harness.client.setToken("fresh");
    harness.clock.advance(1000);
    expect(harness.socket.url).toContain("token=fresh");
  });

  test("is not opened after a rejected attach; a rejected message changes nothing", () => {
    const refusal = { type: "error", code: "FORBIDDEN", message: "not yours", retryable: false };
    const harness = new Harness().open();
    harness.socket.receive(refusal);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "FORBIDDEN" } });
    const attached = new Harness().attach();
    attached.socket.receive(refusal);
    expect(attached.client.state.status).toBe("connected");
    expect(attached.errorCodes).toEqual(["FORBIDDEN"]);
  });

  test("disconnect cleans up", ({ harness }) => {
    harness.client.input("a");
    harness.output(5, "early");
    harness.client.disconnect();
    expect(harness.clock.pending).toBe(0);
    expect(harness.page.watched).toBe(false);
    expect(harness.socket.closed).toBe(true);
    expect(harness.client.state.status).toBe("closed");
  });

  test("does not run commands that were rejected meanwhile", async ({ harness }) => {
    harness.socket.end();
    const command = harness.client.executeCommand("make");
    failing(harness, 5);
    await expect(command).rejects.toMatchObject({ code: "MAX_RETRIES_EXCEEDED" });
    harness.client.connect();
    harness.reattach();
    expect(harness.socket.of("command")).toEqual([]);
  });
});
