/**
 * Every way a connection fails or ends: the reported error, and the time of the next attempt.
 */

import { describe, expect } from "vitest";
import type { ClientErrorCode } from "../../src/core/index.ts";
import { flushPromises } from "../support/flush-promises.ts";
import { Harness, test } from "../support/harness.ts";
import { jwt } from "../support/jwt.ts";

/** A JWT with nothing but `exp`, in seconds since 1970. */
const expiring = (exp: number) => jwt({ exp });

describe("a configuration error", () => {
  test.each<[string, ClientErrorCode, RegExp, ConstructorParameters<typeof Harness>[0]]>([
    ["no address", "URL_MISSING", /NEXT_PUBLIC_WS_URL/, { url: "" }],
    ["https:", "URL_INVALID", /use wss:\/\//, { url: "https://abc.execute-api.eu-west-1.amazonaws.com/prod" }],
    ["http:", "URL_INVALID", /use ws:\/\//, { url: "http://localhost:3001" }],
    ["a path", "URL_INVALID", /must begin with wss:/, { url: "/terminal" }],
    ["nonsense", "URL_INVALID", /must begin with wss:/, { url: "undefined" }],
    ["a fragment", "URL_INVALID", /#fragment/, { url: "wss://api.example/prod#x" }],
    ["App Runner", "AWS_APP_RUNNER_ERROR", /execute-api/, { url: "wss://a1b2.us-east-1.awsapprunner.com/terminal" }],
    ["ws: in a page of https:", "MIXED_CONTENT", /use wss:/, { url: "ws://api.example/prod" }],
    ["no session", "SESSION_INVALID", /`sid`/, { sessionId: "" }],
  ])("is reported for %s, and no socket is opened", (_, code, sentence, options) => {
    const harness = new Harness(options);
    harness.client.connect();
    harness.clock.advance(120_000);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code }, retryAt: null, attempt: 0 });
    expect(harness.client.state.error?.message).toMatch(sentence);
    expect(harness.errorCodes).toEqual([code]);
    expect(harness.client.state.diagnostics).toMatchObject({ errorCode: code, attempts: 0 });
    expect(harness.sockets).toHaveLength(0);
    expect(harness.clock.pending).toBe(0);
    expect(harness.page.watched).toBe(false);
  });

  test.each([
    ["wss://x.awsapprunner.com.example/prod", true],
    ["ws://localhost:3001/terminal", true],
    ["ws://127.0.0.1:3001", true],
    ["ws://[::1]:3001", true],
    ["ws://api.example/prod", false],
  ])("%s is accepted", (url, secure) => {
    const harness = new Harness({ url });
    harness.page.secure = secure;
    harness.open();
    expect(harness.sockets).toHaveLength(1);
  });

  test("a WebSocket that the browser refuses is reported without the token", () => {
    const harness = new Harness({
      socket: () => {
        throw new DOMException("wss://api.example/prod?token=secret is not allowed", "SecurityError");
      },
    });
    harness.client.connect();
    harness.clock.advance(60_000);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "WEBSOCKET_CREATION_FAILED" } });
    const said = JSON.stringify([harness.lines, harness.client.state, harness.client.state.error?.message]);
    expect(said).toContain("SecurityError");
    expect(said).not.toContain("secret");
  });

  test("a missing token is reported, and a new one connects", () => {
    const harness = new Harness({ token: "" });
    harness.client.connect();
    harness.clock.advance(60_000);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "UNAUTHORIZED" } });
    harness.client.setToken("there");
    harness.clock.advance(1000);
    expect(harness.socket.url).toContain("token=there");
  });
});

describe("a close event", () => {
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
    [1013, "attached", "reconnecting", "LIMIT_REACHED", /as many connections as allowed/],
    [4500, "attached", "reconnecting", "CONNECTION_FAILED", /internal error/],
    [4599, "attached", "reconnecting", "CONNECTION_FAILED", /internal error/],
    [4000, "attached", "closed", "SESSION_INVALID", /check the session id/],
    [4001, "attached", "closed", "UNAUTHORIZED", /token was refused/],
    [1006, "opened", "connecting", "CONNECTION_FAILED", /lost \(1006\)/],
    [4500, "opened", "connecting", "CONNECTION_FAILED", /internal error/],
    [1013, "opened", "connecting", "LIMIT_REACHED", /as many connections as allowed/],
    [4000, "opened", "closed", "SESSION_INVALID", /check the session id/],
    [4001, "opened", "closed", "UNAUTHORIZED", /token was refused/],
  ])("%i while %s leaves the status %s", (code, when, status, error, said) => {
    const harness = new Harness();
    if (when === "opened") harness.open();
    else harness.attach();
    harness.clock.advance(6000);
    harness.socket.end(code, "as it is");
    expect(harness.client.state).toMatchObject({ status, error: { code: error } });
    expect(harness.client.state.error?.message).toMatch(said);
    expect(harness.client.state.error?.message).toContain("as it is");
    expect(harness.client.state.error?.retryable).toBe(status !== "closed");
    harness.clock.advance(1500);
    expect(harness.sockets.length).toBe(status === "closed" ? 1 : 2);
  });

  const TOO_MANY = { type: "error", code: "LIMIT_REACHED", message: "You have 20.", retryable: true };

  test("is not waited for where the gateway says that the user has too many connections", () => {
    const harness = new Harness().open();
    harness.socket.receive(TOO_MANY);
    expect(harness.client.state).toMatchObject({
      status: "connecting",
      error: { code: "LIMIT_REACHED", retryable: true },
    });
    expect(harness.client.state.error?.message).toMatch(/MAX_CONNECTIONS_PER_USER.*You have 20/);
    expect(harness.socket.closed).toBe(true);
    // Once another page is closed, the terminal is here.
    harness.clock.advance(1500);
    expect(harness.sockets).toHaveLength(2);
    harness.reopen();
    harness.attached();
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
  });

  test("does not follow the same answer to a successor: the connection in use stays", () => {
    const harness = new Harness().attach();
    harness.client.setToken("another");
    expect(harness.sockets).toHaveLength(2);
    harness.socket.onopen?.();
    harness.socket.receive(TOO_MANY);
    expect(harness.client.state.status).toBe("connected");
    expect(harness.sockets.map((socket) => socket.closed)).toEqual([false, true]);
  });

  test.each([
    [1001, true],
    [1008, true],
    [1006, false],
    [1012, false],
    [4503, false],
  ])("%i is followed by an immediate attempt: %s", (code, atOnce) => {
    const harness = new Harness({ random: () => 0.999 }).attach();
    harness.clock.advance(6000);
    harness.socket.end(code);
    harness.clock.advance(250);
    expect(harness.sockets).toHaveLength(atOnce ? 2 : 1);
  });

  test("right after each attach does not cause a storm of attempts", ({ harness }) => {
    for (let second = 0; second < 30; second += 1) {
      if (!harness.socket.closed) harness.socket.end(1001);
      harness.clock.advance(1000);
    }
    expect(harness.sockets.length).toBeLessThan(10);
  });

  test("during the handshake says what to check", () => {
    const harness = new Harness().start();
    harness.socket.end();
    expect(harness.client.state.error?.message).toMatch(
      /^wss:\/\/api.example\/prod could not be opened.*token.*origin/,
    );
    expect(harness.client.state.error?.message).not.toContain("secret");
  });
});

describe("an expired token", () => {
  const now = () => Math.floor(new Harness().clock.wall() / 1000);

  test.each<[string, (harness: Harness) => void]>([
    ["a rejected handshake", (harness) => harness.socket.end()],
    ["4001", (harness) => harness.socket.end(4001)],
  ])("explains %s, and only a new token helps", (_, refuse) => {
    const harness = new Harness({ token: expiring(now() - 11) }).start();
    refuse(harness);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "TOKEN_EXPIRED" } });
    harness.client.setToken(expiring(now() + 3600));
    harness.clock.advance(1000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("is retried if the next one is fetched", async () => {
    const harness = new Harness({ token: async () => expiring(now() - 11) }).start();
    await flushPromises();
    harness.socket.end();
    expect(harness.client.state).toMatchObject({ status: "connecting", error: { code: "TOKEN_EXPIRED" } });
    harness.clock.advance(1000);
    await flushPromises();
    expect(harness.sockets).toHaveLength(2);
  });

  test("is not the reason within the leeway, or after an attach", () => {
    const fresh = new Harness({ token: expiring(now() - 5) }).start();
    fresh.socket.end();
    expect(fresh.client.state).toMatchObject({ status: "connecting", error: { code: "CONNECTION_FAILED" } });
    const worked = new Harness({ token: expiring(now() - 100) }).attach();
    worked.clock.advance(6000);
    worked.socket.end();
    expect(worked.client.state).toMatchObject({ status: "reconnecting", error: { code: "CONNECTION_FAILED" } });
  });
});

describe("a timeout", () => {
  test.each([
    ["did not open", 0, undefined, 20_000],
    ["did not open", 0, 3000, 3000],
    ["did not answer", 1, undefined, 20_000],
    ["did not answer", 1, 3000, 3000],
  ])("gives up a connection that %s", (what, opened, connectMs, limit) => {
    const harness = new Harness(connectMs === undefined ? {} : { times: { connectMs } }).start();
    if (opened) harness.socket.onopen?.();
    harness.clock.advance(limit - 1);
    expect(harness.errors).toEqual([]);
    harness.clock.advance(1);
    expect(harness.client.state.error?.code).toBe("CONNECTION_TIMEOUT");
    expect(harness.client.state.error?.message).toContain(`${what} within ${limit / 1000} s`);
    expect(harness.socket.closed).toBe(true);
    harness.clock.advance(2000);
    expect(harness.sockets).toHaveLength(2);
  });

  test("includes opening and the answer", () => {
    const harness = new Harness();
    harness.client.connect();
    harness.clock.advance(15_000);
    harness.socket.onopen?.();
    harness.clock.advance(5000);
    expect(harness.client.state.error?.code).toBe("CONNECTION_TIMEOUT");
  });

  test.each([
    [undefined, 30_000],
    [1000, 1000],
  ])("pingMs can be set: %s", (pingMs, every) => {
    const harness = new Harness(pingMs === undefined ? {} : { times: { pingMs } }).attach();
    harness.socket.onsend = ({ type }) => {
      if (type === "ping") harness.pong();
    };
    harness.pong();
    harness.clock.advance(10 * every);
    // Renewals are verified by at most as many pings.
    expect(harness.socket.of("ping").length).toBeGreaterThanOrEqual(10);
    expect(harness.socket.of("ping").length).toBeLessThanOrEqual(20);
  });
});

describe("a token function", () => {
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

  test.each(failing)("that %s causes a failed attempt", async (_, answer, said) => {
    const harness = new Harness({ token: source(answer) }).start();
    await flushPromises();
    harness.clock.advance(15_000);
    await flushPromises();
    expect(harness.errors[0]).toMatchObject({ code: "TOKEN_UNAVAILABLE", retryable: true });
    expect(harness.errors[0]?.message).toMatch(said);
    harness.clock.advance(2000);
    await flushPromises();
    expect(harness.socket.url).toContain("token=good");
  });

  test("that throws is the cause of the error, and not logged", async () => {
    const cause = new Error("401 from /api/token");
    const harness = new Harness({ token: source(() => Promise.reject(cause)) }).start();
    await flushPromises();
    expect(harness.errors[0]?.cause).toBe(cause);
    expect(harness.lines.join()).not.toContain("401");
  });

  test("that is too late is ignored", async () => {
    let late = (_: string) => {};
    const harness = new Harness({
      token: source(
        () =>
          new Promise<string>((resolve) => {
            late = resolve;
          }),
      ),
    });
    harness.client.connect();
    harness.clock.advance(15_000);
    late("late");
    await flushPromises();
    harness.clock.advance(2000);
    await flushPromises();
    expect(harness.tokens).toEqual(["good"]);
  });
});

test.each([true, false])(
  "a token for another session is reported without a connection (fetched: %s)",
  async (fetched) => {
    const token = jwt({ sid: "other" });
    const harness = new Harness({ token: fetched ? async () => token : token }).start();
    await flushPromises();
    harness.clock.advance(100);
    expect(harness.sockets).toHaveLength(0);
    expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_INVALID" } });
    expect(harness.client.state.error?.message).toContain("session other");
  },
);

test("a token for this session, or for none, is used", () => {
  for (const claims of [{ sid: "s1" }, {}]) expect(new Harness({ token: jwt(claims) }).start().sockets).toHaveLength(1);
});

test("a replacement for another session is reported, and the connection in use stays", () => {
  const harness = new Harness({ token: jwt({ sid: "s1" }) }).attach();
  harness.client.setToken(jwt({ sid: "other" }));
  harness.clock.advance(100);
  expect(harness.errorCodes).toEqual(["SESSION_INVALID"]);
  expect(harness.client.state.status).toBe("connected");
});

test("a replacement that the gateway refuses is reported once", ({ harness }) => {
  harness.client.setToken("not accepted");
  harness.socket.end();
  expect(harness.errorCodes).toEqual(["CONNECTION_FAILED"]);
  expect(harness.client.state).toMatchObject({ status: "connected", error: null });
});
