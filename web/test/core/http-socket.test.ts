/**
 * The connection over HTTP requests: what it asks, repeats and gives up.
 */

import { describe, expect, test, vi } from "vitest";
import { browserFetch, HttpSocket } from "../../src/core/http-socket.ts";
import { FakeClock } from "../support/clock.ts";
import { flushPromises } from "../support/flush-promises.ts";
import { HttpService } from "../support/http-service.ts";

const ID = { "x-connection-id": "http:1" };

/** A connection whose first message is on its way. */
async function start() {
  const [clock, service] = [new FakeClock(), new HttpService()];
  const socket = new HttpSocket("https://api.example/terminal/{path}?sessionId=s1", "secret", clock, service.fetch);
  const [received, closed]: [unknown[], number[]] = [[], []];
  socket.onopen = () => socket.send("attach");
  socket.onmessage = ({ data }) => received.push(JSON.parse(data as string));
  socket.onclose = ({ code }) => closed.push(code);
  clock.advance(0);
  await flushPromises();
  return { clock, service, socket, received, closed };
}

/** An open connection, with a poll that waits. */
async function open() {
  const page = await start();
  await page.service.next("messages").frames(["attached"], ID);
  return page;
}

const numberOf = (request: { body: string }) => (JSON.parse(request.body) as { number: number }).number;

describe("opening", () => {
  test("sends the first message without an id, and all others with the one that it got", async () => {
    const { service, socket, received } = await start();
    const first = service.next("messages");
    expect([first.body, first.headers["x-connection-id"]]).toEqual(["attach", undefined]);
    expect(first.headers.authorization).toBe("Bearer secret");
    socket.send("early");
    await flushPromises();
    expect(service.open("messages")).toHaveLength(1);
    await first.frames(["attached", "more"], ID);
    expect(received).toEqual(["attached", "more"]);
    expect(service.next("messages")).toMatchObject({ body: "early", headers: ID });
    expect(numberOf(service.next("frames"))).toBe(2);
  });

  test.each<[string, number, number]>([
    ["UNAUTHORIZED", 401, 4001],
    ["TOKEN_EXPIRED", 401, 4001],
    ["SESSION_NOT_FOUND", 404, 4000],
    ["LIMIT_REACHED", 429, 1013],
    ["DRAINING", 503, 4503],
    ["INTERNAL", 500, 1006],
  ])("that is refused with %s closes as a WebSocket does", async (code, status, close) => {
    const { service, closed } = await start();
    await service.next("messages").refuse(status, code);
    expect(closed).toEqual([close]);
  });

  test("at an address that is not the service's closes", async () => {
    const { service, closed } = await start();
    await service.next("messages").answer(200, "<html>", {});
    expect(closed).toEqual([1006]);
  });

  test("that was given up closes the connection that it gets", async () => {
    const { service, socket } = await start();
    socket.close();
    await service.next("messages").frames(["attached"], ID);
    expect(service.next("close")).toMatchObject({ headers: ID, keepalive: true });
    expect(service.open("frames")).toEqual([]);
  });
});

test("a request carries no cookie, and its answer is in no cache", async () => {
  const fetched = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(""));
  await browserFetch("https://api.example/terminal/messages", { method: "POST", headers: {}, body: "" });
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({ credentials: "omit", cache: "no-store" });
  fetched.mockRestore();
});

describe("a poll", () => {
  test("is followed by the next number", async () => {
    const { service, received } = await open();
    await service.next("frames").frames(["a", "b"]);
    await service.next("frames").empty();
    expect(received).toEqual(["attached", "a", "b"]);
    expect(numberOf(service.next("frames"))).toBe(4);
  });

  test("that fails is repeated with its number", async () => {
    const { clock, service, closed } = await open();
    for (let failure = 0; failure < 5; failure += 1) {
      await service.next("frames").fail();
      clock.advance(2000);
      await flushPromises();
      expect(numberOf(service.next("frames"))).toBe(2);
    }
    await service.next("frames").frames(["late"]);
    expect(closed).toEqual([]);
  });

  test("that hangs is repeated", async () => {
    const { clock, service } = await open();
    const hanging = service.next("frames");
    clock.advance(30_000);
    await flushPromises();
    clock.advance(100);
    await flushPromises();
    expect(hanging.answered).toBe(true);
    expect(numberOf(service.next("frames"))).toBe(2);
  });

  test("that fails again and again ends the connection", async () => {
    const { clock, service, closed } = await open();
    for (let failure = 0; failure < 6; failure += 1) {
      await service.next("frames").fail();
      clock.advance(2000);
      await flushPromises();
    }
    expect(closed).toEqual([1006]);
    expect(service.open("frames")).toEqual([]);
  });

  test("that another one has replaced is repeated, and one of a connection that is gone is not", async () => {
    const { clock, service, closed } = await open();
    await service.next("frames").refuse(409, "BUSY");
    clock.advance(100);
    await flushPromises();
    await service.next("frames").refuse(410, "CONNECTION_GONE");
    expect(closed).toEqual([1006]);
  });

  test("brings the close after the last frames", async () => {
    const { service, received, closed } = await open();
    await service.next("frames").frames(["last"], { "x-terminal-close": "4001" });
    expect([received.at(-1), closed]).toEqual(["last", [4001]]);
  });
});

describe("messages", () => {
  test("of one task share a request, and others wait for one of three", async () => {
    const { service, socket } = await open();
    for (const text of ["a", "b"]) socket.send(text);
    await flushPromises();
    for (const text of ["c", "d", "e", "f"]) {
      socket.send(text);
      await flushPromises();
    }
    expect(service.open("messages").map((request) => request.body)).toEqual(["a\nb", "c", "d"]);
    await service.next("messages").empty();
    expect(service.open("messages").map((request) => request.body)).toEqual(["c", "d", "e\nf"]);
  });

  test("are split at the limits of a request", async () => {
    const { service, socket } = await open();
    for (let at = 0; at < 65; at += 1) socket.send("x");
    socket.send("y".repeat(20_000));
    await flushPromises();
    expect(service.open("messages").map((request) => request.body.length)).toEqual([127, 1, 20_000]);
  });

  test("of a connection that is over leave the end to the poll", async () => {
    const { service, socket, received, closed } = await open();
    socket.send("a");
    await flushPromises();
    await service.next("messages").refuse(410, "CONNECTION_GONE");
    expect(closed).toEqual([]);
    await service.next("frames").frames(["last"], { "x-terminal-close": "4503" });
    expect([received.at(-1), closed]).toEqual(["last", [4503]]);
  });

  test.each([
    ["DRAINING", 503, 4503],
    ["TOKEN_EXPIRED", 401, 4001],
  ])("that are refused with %s close as a WebSocket does", async (code, status, close) => {
    const { service, socket, closed } = await open();
    socket.send("a");
    await flushPromises();
    await service.next("messages").refuse(status, code);
    expect(closed).toEqual([close]);
  });

  test("that are lost are left to the protocol", async () => {
    const { service, socket, closed } = await open();
    socket.send("a");
    await flushPromises();
    await service.next("messages").fail();
    expect([closed, service.open("messages")]).toEqual([[], []]);
  });
});
