/**
 * Every way in which a connection ends or never begins: what a page is told, and when the next attempt comes.
 */

import { describe, expect, test } from "vitest";
import type { ClientErrorCode } from "../../src/core/index.ts";
import { Bench } from "../support/bench.ts";
import { settled } from "../support/settled.ts";

/** A JWT that says nothing but when it expires, in seconds since 1970. */
function jwt(exp: number): string {
  return ["{}", JSON.stringify({ exp }), "?"].map((part) => Buffer.from(part).toString("base64url")).join(".");
}

describe("a page that cannot connect at all", () => {
  test.each<[string, ClientErrorCode, RegExp, ConstructorParameters<typeof Bench>[0]]>([
    ["no address", "URL_MISSING", /NEXT_PUBLIC_WS_URL/, { url: "" }],
    ["https:", "URL_INVALID", /use wss:\/\//, { url: "https://abc.execute-api.eu-west-1.amazonaws.com/prod" }],
    ["http:", "URL_INVALID", /use ws:\/\//, { url: "http://localhost:3001" }],
    ["a path", "URL_INVALID", /must begin with wss:/, { url: "/terminal" }],
    ["nonsense", "URL_INVALID", /must begin with wss:/, { url: "undefined" }],
    ["a fragment", "URL_INVALID", /#fragment/, { url: "wss://api.example/prod#x" }],
    ["App Runner", "AWS_APP_RUNNER_ERROR", /execute-api/, { url: "wss://a1b2.us-east-1.awsapprunner.com/terminal" }],
    ["ws: in a page of https:", "MIXED_CONTENT", /use wss:/, { url: "ws://api.example/prod" }],
    ["no session", "SESSION_INVALID", /`sid`/, { sessionId: "" }],
  ])("is told of %s, and nothing is opened", (_, code, sentence, options) => {
    const bench = new Bench(options);
    bench.client.connect();
    bench.clock.advance(120_000);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code }, retryAt: null, attempt: 0 });
    expect(bench.client.state.error?.message).toMatch(sentence);
    expect(bench.errors.map((error) => error.code)).toEqual([code]);
    expect(bench.client.state.diagnostics).toMatchObject({ errorCode: code, attempts: 0 });
    expect(bench.sockets).toHaveLength(0);
    expect(bench.clock.pending).toBe(0);
    expect(bench.page.watched).toBe(false);
  });

  test.each([
    ["wss://x.awsapprunner.com.example/prod", true],
    ["ws://localhost:3001/terminal", true],
    ["ws://127.0.0.1:3001", true],
    ["ws://[::1]:3001", true],
    ["ws://api.example/prod", false],
  ])("%s may be opened", (url, secure) => {
    const bench = new Bench({ url });
    bench.page.secure = secure;
    bench.open();
    expect(bench.sockets).toHaveLength(1);
  });

  test("a browser that refuses to make a WebSocket says so, and the token stays unsaid", () => {
    const bench = new Bench({
      socket: () => {
        throw new DOMException("wss://api.example/prod?token=secret is not allowed", "SecurityError");
      },
    });
    bench.client.connect();
    bench.clock.advance(60_000);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "WEBSOCKET_CREATION_FAILED" } });
    const said = JSON.stringify([bench.lines, bench.client.state, bench.client.state.error?.message]);
    expect(said).toContain("SecurityError");
    expect(said).not.toContain("secret");
  });

  test("without a token it waits for one", () => {
    const bench = new Bench({ token: "" });
    bench.client.connect();
    bench.clock.advance(60_000);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "UNAUTHORIZED" } });
    bench.client.setToken("there");
    bench.clock.advance(1000);
    expect(bench.socket.url).toContain("token=there");
  });
});

describe("a close", () => {
  type Row = [code: number, when: "opened" | "attached", status: string, error: ClientErrorCode, said: RegExp];
  test.each<Row>([
    [1000, "attached", "reconnecting", "CONNECTION_FAILED", /lost \(1000\)/],
    [1001, "attached", "reconnecting", "CONNECTION_FAILED", /two hours or ten idle minutes/],
    [1006, "attached", "reconnecting", "CONNECTION_FAILED", /lost \(1006\)/],
    [1008, "attached", "reconnecting", "CONNECTION_FAILED", /heard nothing/],
    [1009, "attached", "reconnecting", "CONNECTION_FAILED", /too large/],
    [1011, "attached", "reconnecting", "CONNECTION_FAILED", /lost \(1011\)/],
    [1012, "attached", "reconnecting", "CONNECTION_FAILED", /being replaced/],
    [4503, "attached", "reconnecting", "CONNECTION_FAILED", /being replaced/],
    [4500, "attached", "reconnecting", "CONNECTION_FAILED", /fault of its own/],
    [4599, "attached", "reconnecting", "CONNECTION_FAILED", /fault of its own/],
    [4000, "attached", "closed", "SESSION_INVALID", /check the session id/],
    [4001, "attached", "closed", "UNAUTHORIZED", /token was refused/],
    [1006, "opened", "connecting", "CONNECTION_FAILED", /lost \(1006\)/],
    [4500, "opened", "connecting", "CONNECTION_FAILED", /fault of its own/],
    [4000, "opened", "closed", "SESSION_INVALID", /check the session id/],
    [4001, "opened", "closed", "UNAUTHORIZED", /token was refused/],
  ])("with %i, %s, leaves it %s", (code, when, status, error, said) => {
    const bench = new Bench();
    if (when === "opened") bench.open();
    else bench.attach();
    bench.clock.advance(6000);
    bench.socket.end(code, "as it is");
    expect(bench.client.state).toMatchObject({ status, error: { code: error } });
    expect(bench.client.state.error?.message).toMatch(said);
    expect(bench.client.state.error?.message).toContain("as it is");
    expect(bench.client.state.error?.retryable).toBe(status !== "closed");
    bench.clock.advance(1500);
    expect(bench.sockets.length).toBe(status === "closed" ? 1 : 2);
  });

  test.each([
    [1001, true],
    [1008, true],
    [1006, false],
    [1012, false],
    [4503, false],
  ])("with %i is followed by another attempt at once: %s", (code, atOnce) => {
    const bench = new Bench({ random: () => 0.999 }).attach();
    bench.clock.advance(6000);
    bench.socket.end(code);
    bench.clock.advance(250);
    expect(bench.sockets).toHaveLength(atOnce ? 2 : 1);
  });

  test("many that come at once after opening do not become a storm", () => {
    const bench = new Bench().attach();
    for (let second = 0; second < 30; second += 1) {
      if (!bench.socket.closed) bench.socket.end(1001);
      bench.clock.advance(1000);
    }
    expect(bench.sockets.length).toBeLessThan(10);
  });

  test("of a handshake, which no browser explains, says what to look at", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.clock.advance(0);
    bench.socket.end();
    expect(bench.client.state.error?.message).toMatch(/^wss:\/\/api.example\/prod could not be opened.*token.*origin/);
    expect(bench.client.state.error?.message).not.toContain("secret");
  });
});

describe("a token past its expiry", () => {
  const now = () => Math.floor(new Bench().clock.wall() / 1000);

  test.each<[string, (bench: Bench) => void]>([
    ["a refused handshake", (bench) => bench.socket.end()],
    ["4001", (bench) => bench.socket.end(4001)],
  ])("explains %s, and only another one helps", (_, refuse) => {
    const bench = new Bench({ token: jwt(now() - 11) });
    bench.client.connect();
    bench.clock.advance(0);
    refuse(bench);
    expect(bench.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
    bench.client.setToken(jwt(now() + 3600));
    bench.clock.advance(1000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("is tried again where it was fetched, since the next one may be another", async () => {
    const bench = new Bench({ token: async () => jwt(now() - 11) });
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.socket.end();
    expect(bench.client.state).toMatchObject({ status: "connecting", error: { code: "TOKEN_EXPIRED" } });
    bench.clock.advance(1000);
    await settled();
    expect(bench.sockets).toHaveLength(2);
  });

  test("is no reason where the clocks may only differ, or a connection worked", () => {
    const fresh = new Bench({ token: jwt(now() - 5) });
    fresh.client.connect();
    fresh.clock.advance(0);
    fresh.socket.end();
    expect(fresh.client.state).toMatchObject({ status: "connecting", error: { code: "CONNECTION_FAILED" } });
    const worked = new Bench({ token: jwt(now() - 100) }).attach();
    worked.clock.advance(6000);
    worked.socket.end();
    expect(worked.client.state).toMatchObject({ status: "reconnecting", error: { code: "CONNECTION_FAILED" } });
  });
});

describe("time", () => {
  test.each([
    ["did not open", 0, undefined, 20_000],
    ["did not open", 0, 3000, 3000],
    ["did not answer", 1, undefined, 20_000],
    ["did not answer", 1, 3000, 3000],
  ])("is limited: what %s in it is given up", (what, opened, connectMs, limit) => {
    const bench = new Bench(connectMs === undefined ? {} : { times: { connectMs } });
    bench.client.connect();
    bench.clock.advance(0);
    if (opened) bench.socket.onopen?.();
    bench.clock.advance(limit - 1);
    expect(bench.errors).toEqual([]);
    bench.clock.advance(1);
    expect(bench.client.state.error?.code).toBe("CONNECTION_TIMEOUT");
    expect(bench.client.state.error?.message).toContain(`${what} within ${limit / 1000} s`);
    expect(bench.socket.closed).toBe(true);
    bench.clock.advance(2000);
    expect(bench.sockets).toHaveLength(2);
  });

  test("opening and the answer share it", () => {
    const bench = new Bench();
    bench.client.connect();
    bench.clock.advance(15_000);
    bench.socket.onopen?.();
    bench.clock.advance(5000);
    expect(bench.client.state.error?.code).toBe("CONNECTION_TIMEOUT");
  });

  test.each([
    [undefined, 30_000],
    [1000, 1000],
  ])("between signs of life can be another: %s", (pingMs, every) => {
    const bench = new Bench(pingMs === undefined ? {} : { times: { pingMs } }).attach();
    bench.socket.onsend = ({ type }) => {
      if (type === "ping") bench.pong();
    };
    bench.pong();
    bench.clock.advance(10 * every);
    // Following has questions of its own, at most as many.
    expect(bench.socket.of("ping").length).toBeGreaterThanOrEqual(10);
    expect(bench.socket.of("ping").length).toBeLessThanOrEqual(20);
  });
});

describe("a token that must be fetched", () => {
  const source = (...answers: Array<() => string | Promise<string>>) => {
    let asked = 0;
    return () => (answers[asked++] ?? (() => "good"))();
  };
  const failing: Array<[string, () => string | Promise<string>, RegExp]> = [
    ["rejects", () => Promise.reject(new Error("401 from /api/token")), /failed/],
    [
      "throws",
      () => {
        throw new Error("no");
      },
      /failed/,
    ],
    ["hangs", () => new Promise(() => {}), /did not answer within 15 s/],
  ];

  test.each(failing)("and %s is a failed attempt like any other", async (_, answer, said) => {
    const bench = new Bench({ token: source(answer) });
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    bench.clock.advance(15_000);
    await settled();
    expect(bench.errors[0]).toMatchObject({ code: "TOKEN_UNAVAILABLE", retryable: true });
    expect(bench.errors[0]?.message).toMatch(said);
    bench.clock.advance(2000);
    await settled();
    expect(bench.socket.url).toContain("token=good");
  });

  test("what it threw is the error's cause, and in no log", async () => {
    const cause = new Error("401 from /api/token");
    const bench = new Bench({ token: source(() => Promise.reject(cause)) });
    bench.client.connect();
    bench.clock.advance(0);
    await settled();
    expect(bench.errors[0]?.cause).toBe(cause);
    expect(bench.lines.join()).not.toContain("401");
  });

  test("and comes too late is not used", async () => {
    let late = (_: string) => {};
    const bench = new Bench({
      token: source(
        () =>
          new Promise<string>((resolve) => {
            late = resolve;
          }),
      ),
    });
    bench.client.connect();
    bench.clock.advance(15_000);
    late("late");
    await settled();
    bench.clock.advance(2000);
    await settled();
    expect(bench.sockets.map((socket) => new URL(socket.url).searchParams.get("token"))).toEqual(["good"]);
  });
});
