/**
 * From WebSockets to HTTP requests and back: when, and that nothing of the session is lost.
 */

import { beforeEach, describe, expect, test } from "vitest";
import { flushPromises } from "../support/flush-promises.ts";
import { attachedFrame, EPOCH, Harness } from "../support/harness.ts";
import { HttpService } from "../support/http-service.ts";

const ID = { "x-connection-id": "http:1" };

let service: HttpService;
let harness: Harness;

beforeEach(() => {
  service = new HttpService();
  harness = new Harness({ fallbackUrl: "https://service.example/", fetch: service.fetch });
});

/** Waits, with all that promises do. */
async function pass(ms: number): Promise<void> {
  for (let waited = 0; waited < ms; waited += 50) {
    harness.clock.advance(50);
    await flushPromises();
  }
}

/** Lets `count` WebSockets fail. */
async function failSockets(count: number, how: (socket: Harness["socket"]) => void): Promise<void> {
  const first = harness.sockets.length;
  for (let failed = 0; failed < count; failed += 1) {
    for (let waited = 0; harness.sockets.length <= first + failed && waited < 40_000; waited += 50) await pass(50);
    how(harness.socket);
  }
}

/** Waits like `pass`, while the service takes messages and answers pings. */
async function live(ms: number, until: () => boolean): Promise<void> {
  for (let waited = 0; waited < ms && !until(); waited += 500) {
    await pass(500);
    const posts = service.open("messages");
    for (const post of posts) await post.empty();
    // As after the 20 s for which the service holds one.
    if (waited % 20_000 === 0) for (const poll of service.open("frames")) await poll.empty();
    if (posts.some(({ body }) => body.includes('"ping"')))
      await service.next("frames").frames([{ type: "pong", timestamp: 1 }]);
  }
}

/** A client over HTTP, after two refused handshakes. */
async function overHttp(): Promise<void> {
  harness.client.attach(harness.sink);
  harness.client.connect();
  await failSockets(2, (socket) => socket.end());
  await pass(1500);
  await service.next("messages").frames([attachedFrame({ head: 0 })], ID);
}

describe("goes over to HTTP", () => {
  test("after two refused handshakes", async () => {
    await overHttp();
    expect(harness.client.state).toMatchObject({ status: "connected", route: "http" });
    expect(harness.client.state.diagnostics.url).toBe("https://service.example/terminal");
    expect(harness.clock.now()).toBeLessThan(3000);
  });

  test("after two handshakes that hang", async () => {
    harness.client.connect();
    await failSockets(2, () => {});
    await pass(6000);
    expect(service.open("messages")).toHaveLength(1);
    expect(harness.clock.now()).toBeLessThan(14_000);
  });

  test("after two connections that are cut before and after the attach", async () => {
    harness.client.connect();
    await failSockets(1, (socket) => {
      socket.onopen?.();
      socket.end();
    });
    await failSockets(1, (socket) => {
      socket.onopen?.();
      harness.attached();
      socket.end();
    });
    await pass(5000);
    expect(service.open("messages")).toHaveLength(1);
  });

  test("at once where the browser creates no WebSocket", async () => {
    const socket = () => {
      throw new DOMException("no", "SecurityError");
    };
    harness = new Harness({ fallbackUrl: "https://service.example", fetch: service.fetch, socket });
    harness.client.connect();
    await pass(10_000);
    expect(service.requests.length).toBeGreaterThan(0);
    expect(harness.client.state.status).not.toBe("closed");
  });
});

describe("stays with WebSockets", () => {
  test.each<[string, number]>([
    ["a refused token", 4001],
    ["a wrong session", 4000],
  ])("after %s", async (_, code) => {
    harness.client.connect();
    await failSockets(1, (socket) => {
      socket.onopen?.();
      socket.end(code);
    });
    await pass(20_000);
    expect([harness.client.state.status, service.requests]).toEqual(["closed", []]);
  });

  test("while the service is being replaced", async () => {
    harness.client.connect();
    await failSockets(4, (socket) => {
      socket.onopen?.();
      socket.end(4503);
    });
    expect(service.requests).toEqual([]);
  });

  test("without the address of the service", async () => {
    harness = new Harness({ fetch: service.fetch });
    harness.client.connect();
    await failSockets(5, (socket) => socket.end());
    expect([harness.client.state.status, service.requests]).toEqual(["offline", []]);
  });

  test("while the browser is offline", async () => {
    harness.client.connect();
    harness.page.goOffline();
    await failSockets(3, (socket) => socket.end());
    expect(service.requests).toEqual([]);
  });
});

test("a token that the service refuses over HTTP ends the attempts", async () => {
  harness.client.connect();
  await failSockets(2, (socket) => socket.end());
  await pass(1500);
  await service.next("messages").refuse(401, "UNAUTHORIZED");
  expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "UNAUTHORIZED" } });
});

test("a service that answers on neither way is tried on both in turn", async () => {
  harness.client.connect();
  await failSockets(2, (socket) => socket.end());
  await pass(1500);
  await service.next("messages").fail();
  const before = harness.sockets.length;
  await pass(20_000);
  expect(harness.sockets.length).toBe(before + 1);
});

describe("moves back", () => {
  test("to a WebSocket that is attached, without losing input or output", async () => {
    await overHttp();
    await service.next("frames").frames([{ type: "output", epoch: EPOCH, pos: 0, len: 3, data: "abc", head: 3 }]);
    harness.client.input("x");
    await live(60_000, () => harness.sockets.length > 2);
    expect(harness.sockets).toHaveLength(3);
    harness.socket.onopen?.();
    const [attach] = harness.socket.of("attach");
    expect(attach?.resume).toEqual({ epoch: EPOCH, pos: 3 });
    harness.attached({ pos: 3, inputSeq: 0 });
    await flushPromises();
    expect(harness.client.state).toMatchObject({ status: "connected", route: "websocket" });
    expect(harness.socket.of("input")).toMatchObject([{ data: "x" }]);
    expect(service.open("close")).toHaveLength(1);
    expect(service.open("frames")).toEqual([]);
    harness.output(3, "d");
    expect(harness.sink.text).toBe("abcd");
  });

  test("only when a try succeeds, and tries less and less often", async () => {
    await overHttp();
    const tries: number[] = [];
    for (let at = 0; at < 4; at += 1) {
      const before = harness.sockets.length;
      await live(2_000_000, () => harness.sockets.length > before);
      tries.push(harness.clock.now());
      harness.socket.end();
      expect(harness.client.state).toMatchObject({ status: "connected", route: "http" });
    }
    const waits = tries.map((time, at) => Math.round((time - (tries[at - 1] ?? 0)) / 45_000));
    expect(waits).toEqual([1, 2, 4, 8]);
  });
});
