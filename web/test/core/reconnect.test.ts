/**
 * Losing the connection and finding another: when, how often, and what happens to what was on its way.
 */

import { describe, expect, test } from "vitest";
import { Bench, EPOCH } from "../support/bench.ts";
import { settled } from "../support/settled.ts";

/** Lets every attempt fail as it begins; the times at which they began. */
function failing(bench: Bench, attempts: number): number[] {
  const times: number[] = [];
  const first = bench.sockets.length;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    for (let waited = 0; bench.sockets.length < first + attempt && waited < 60_000; waited += 10)
      bench.clock.advance(10);
    times.push(bench.clock.now());
    bench.socket.end();
  }
  return times;
}

/** A client that has tried five times in vain. */
function offline(options: ConstructorParameters<typeof Bench>[0] = {}): Bench {
  const bench = new Bench(options);
  bench.client.connect();
  failing(bench, 5);
  return bench;
}

describe("attempts", () => {
  test("wait up to 2, 4, 8, 16 s, with full jitter", () => {
    const slow = new Bench({ random: () => 1 });
    slow.client.connect();
    expect(failing(slow, 5)).toEqual([10, 2010, 6010, 14_010, 30_010]);
    const middling = new Bench({ random: () => 0.5 });
    middling.client.connect();
    expect(failing(middling, 5)).toEqual([10, 1010, 3010, 7010, 15_010]);
  });

  test("begin at least a second apart, however short the wait", () => {
    const bench = new Bench({ random: () => 0 });
    bench.client.connect();
    expect(failing(bench, 4)).toEqual([10, 1000, 2000, 3000]);
  });

  test("are counted in the log", () => {
    const bench = offline();
    expect(bench.lines.filter((line) => line.startsWith("Connecting"))).toEqual(
      [1, 2, 3, 4, 5].map((attempt) => `Connecting to wss://api.example/prod (attempt ${attempt}/5)`),
    );
  });

  test("after five it is offline, says so once, and goes on seldom", () => {
    const bench = offline();
    expect(bench.client.state).toMatchObject({
      status: "offline",
      attempt: 0,
      error: { code: "MAX_RETRIES_EXCEEDED" },
    });
    const began = failing(bench, 3);
    expect(began.map((time, at) => time - (began[at - 1] ?? time))).toEqual([0, 22_500, 22_500]);
    expect(bench.client.state.status).toBe("offline");
    expect(bench.errors.filter((error) => error.code === "MAX_RETRIES_EXCEEDED")).toHaveLength(1);
    bench.clock.advance(30_000);
    bench.socket.onopen?.();
    bench.attached();
    expect(bench.client.state).toMatchObject({ status: "connected", error: null });
    bench.socket.end();
    expect(bench.client.state).toMatchObject({ status: "reconnecting", attempt: 1 });
  });

  test.each<[string, (bench: Bench) => void]>([
    ["the network is back", (bench) => bench.page.online()],
    ["the page is shown", (bench) => bench.page.show()],
    ["somebody types", (bench) => bench.client.input("x")],
    ["somebody asks", (bench) => bench.client.connect()],
    ["a command is wanted", (bench) => void bench.client.executeCommand("ls").catch(() => {})],
    ["another token is there", (bench) => bench.client.setToken("fresh")],
  ])("offline, it tries at once when %s", (_, happens) => {
    const bench = offline();
    bench.clock.advance(5000);
    expect(bench.sockets).toHaveLength(5);
    happens(bench);
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(6);
    expect(bench.client.state).toMatchObject({ status: "connecting", attempt: 1 });
    expect(bench.lines.at(-1)).toContain("(attempt 1/5)");
  });

  test("a page that nobody looks at does not go on", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.page.hide();
    failing(bench, 5);
    bench.clock.advance(10 * 60_000 - 60_000);
    expect(bench.sockets).toHaveLength(5);
    bench.page.show();
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(6);
  });

  test("many reasons to hurry make no storm", () => {
    const bench = new Bench().attach();
    bench.socket.end();
    for (let at = 0; at < 100; at += 1) {
      bench.page.online();
      bench.page.show();
      bench.clock.advance(30);
      if (bench.sockets.length > 1) bench.socket.end();
    }
    expect(bench.sockets.length).toBeLessThanOrEqual(4);
  });

  test("a connection that does not last makes the next wait longer", () => {
    const bench = new Bench({ random: () => 1 }).attach();
    const waits: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      bench.clock.advance(1000);
      const lost = bench.clock.now();
      const before = bench.sockets.length;
      bench.socket.end();
      while (bench.sockets.length === before) bench.clock.advance(10);
      waits.push(bench.clock.now() - lost);
      bench.socket.onopen?.();
      bench.attached();
    }
    expect(waits).toEqual([2000, 2000, 2000, 2000, 2000]);
    expect(bench.client.state.status).toBe("connected");
  });

  test("each has a token of its own, and one that never comes is not waited for", async () => {
    let asked = 0;
    const token = () => {
      asked += 1;
      return asked === 1 ? new Promise<string>(() => {}) : Promise.resolve(`t${asked}`);
    };
    const bench = new Bench({ token });
    bench.client.connect();
    bench.clock.advance(15_000);
    bench.clock.advance(2000);
    await settled();
    expect(bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"))).toEqual(["t2"]);
  });

  test("a token that cannot be had is a failed attempt", async () => {
    let asked = 0;
    const token = async () => {
      asked += 1;
      if (asked < 3) throw new Error("no");
      return "good";
    };
    const bench = new Bench({ token });
    bench.client.connect();
    for (let second = 0; second < 10; second += 1) {
      bench.clock.advance(1000);
      await settled();
    }
    expect(bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"))).toEqual(["good"]);
  });
});

describe("coming back", () => {
  test("resumes where it was and sends again what was not acknowledged", () => {
    const bench = new Bench().attach();
    bench.output(0, "abc");
    for (const key of "xyz") bench.client.input(key);
    bench.ack(1);
    bench.socket.end();
    expect(bench.client.state.status).toBe("reconnecting");
    bench.client.input("!");
    bench.reopen();
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

  test("nothing is sent on a connection that has begun to close, and all of it on the next", () => {
    const bench = new Bench().attach();
    const sent = bench.socket.texts.length;
    bench.socket.readyState = 2;
    bench.client.input("x");
    expect(bench.socket.texts).toHaveLength(sent);
    bench.socket.end();
    bench.reopen();
    bench.attached();
    expect(bench.socket.of("input")).toMatchObject([{ seq: 1, data: "x" }]);
  });

  test("a connection that the service forgot is replaced", () => {
    const bench = new Bench().attach();
    bench.socket.receive({ type: "error", code: "CONNECTION_GONE", message: "gone", retryable: false });
    bench.reopen();
    expect(bench.sockets).toHaveLength(2);
  });

  test.each([
    ["an invalid session", 4000],
    ["a refused token", 4001],
  ])("%s is final", (_, code) => {
    const bench = new Bench().open();
    bench.socket.end(code, "no");
    expect(bench.client.state.status).toBe("closed");
    expect(bench.clock.pending).toBe(0);
    expect(bench.page.watched).toBe(false);
  });

  test("but for a token that was good and can be fetched anew", async () => {
    const bench = new Bench({ token: async () => "t" });
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.socket.onopen?.();
    bench.attached();
    bench.socket.end(4001, "expired");
    expect(bench.client.state.status).toBe("reconnecting");
  });

  test("another token wakes a client that was refused", () => {
    const bench = new Bench().open();
    bench.socket.end(4001, "no");
    bench.client.setToken("secret");
    bench.clock.advance(5000);
    expect(bench.sockets).toHaveLength(1);
    bench.client.setToken("fresh");
    bench.clock.advance(1000);
    expect(bench.socket.url).toContain("token=fresh");
  });

  test("a refused attach is final, while one message that is refused is not", () => {
    const refusal = { type: "error", code: "FORBIDDEN", message: "not yours", retryable: false };
    const bench = new Bench().open();
    bench.socket.receive(refusal);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "FORBIDDEN" } });
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
    expect(bench.page.watched).toBe(false);
    expect(bench.socket.closed).toBe(true);
    expect(bench.client.state.status).toBe("closed");
  });

  test("commands do not wait for ever, and are not run when nobody waits any more", async () => {
    const bench = new Bench().attach();
    bench.socket.end();
    const command = bench.client.executeCommand("make");
    failing(bench, 5);
    await expect(command).rejects.toMatchObject({ code: "MAX_RETRIES_EXCEEDED" });
    bench.client.connect();
    bench.reopen();
    bench.attached();
    expect(bench.socket.of("command")).toEqual([]);
  });
});
