/**
 * An instructor's connection: updates, their loss, and what is in view.
 */

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NoAnswerError, WallClient } from "../../src/core/index.ts";
import { FakeSocket } from "../support/socket.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sockets: FakeSocket[] = [];
let changed = () => {};
const page = {
  visible: true,
  offline: false,
  secure: false,
  watch(told: (what: "shown" | "hidden") => void) {
    changed = () => told(page.visible ? "shown" : "hidden");
    return () => {};
  },
};

function start(): { wall: WallClient; socket: FakeSocket } {
  page.visible = true;
  const wall = new WallClient({
    ...{ url: "ws://localhost/dev", token: "t", clientId: "me", page, random: () => 0.5 },
    socket(url, protocols) {
      sockets.push(new FakeSocket(url, protocols));
      return sockets.at(-1) as FakeSocket;
    },
    inflate: (packed, _most, done) => done(new Uint8Array(inflateRawSync(packed))),
  });
  wall.connect();
  const socket = sockets.at(-1) as FakeSocket;
  socket.onopen?.();
  return { wall, socket };
}

const row = { id: "a", name: "Ada", state: "here" };

test("asks for the wall, applies both encodings, and acknowledges every other update", () => {
  const { wall, socket } = start();
  expect(socket.of("wall")).toEqual([{ type: "wall", client: "me", accept: ["z"] }]);
  expect(wall.state.status).toBe("connecting");
  const z = deflateRawSync(JSON.stringify({ sessions: [row] })).toString("base64");
  socket.receive({ type: "wall", v: 1, full: true, part: 1, parts: 1, z });
  expect([wall.state.status, wall.model.sessions.get("a")?.name]).toEqual(["connected", "Ada"]);
  expect(socket.of("wall_ack")).toEqual([]);
  socket.receive({ type: "wall", v: 2, part: 1, parts: 1, sessions: [{ ...row, name: "Ada L." }] });
  expect(socket.of("wall_ack")).toEqual([{ type: "wall_ack", client: "me", v: 2 }]);
  socket.receive({ type: "wall", v: 3, part: 1, parts: 1, gone: ["a"] });
  vi.advanceTimersByTime(2000);
  expect(socket.of("wall_ack").at(-1)?.v).toBe(3);
});

test("a page load has an id of 128 random bits", () => {
  const ids = [1, 2].map(() => {
    const socket = new FakeSocket("ws://localhost/dev", []);
    const wall = new WallClient({ url: "ws://localhost/dev", token: "t", page, socket: () => socket });
    wall.connect();
    socket.onopen?.();
    return socket.of("wall")[0]?.client;
  });
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(ids).size).toBe(2);
});

test("says that the user has too many connections, and tries again", () => {
  const { wall, socket } = start();
  socket.receive({ type: "error", code: "LIMIT_REACHED", message: "Close another terminal.", retryable: true });
  expect(wall.state).toMatchObject({ status: "reconnecting", problem: "Close another terminal." });
  vi.advanceTimersByTime(2000);
  expect(sockets.at(-1)).not.toBe(socket);
});

test("asks once for everything after a loss", () => {
  const { wall, socket } = start();
  socket.receive({ type: "wall", v: 1, full: true, part: 1, parts: 1, sessions: [row] });
  for (const v of [3, 4]) socket.receive({ type: "wall", v, part: 1, parts: 1, gone: ["a"] });
  expect(socket.of("wall").filter(({ resync }) => resync)).toHaveLength(1);
  expect(wall.model.sessions.size).toBe(1);
  socket.receive({ type: "wall", v: 5, full: true, part: 1, parts: 1 });
  expect(wall.model.sessions.size).toBe(0);
});

test("says what is in view, and nothing while the page is hidden", () => {
  const { wall, socket } = start();
  wall.setVisible(["a", "b"]);
  wall.setVisible(["a", "b"]);
  expect(socket.of("wall").map(({ visible }) => visible)).toEqual([undefined, ["a", "b"]]);
  vi.advanceTimersByTime(20_000);
  expect(socket.of("wall")).toHaveLength(3);
  page.visible = false;
  changed();
  expect(socket.of("wall").at(-1)?.visible).toEqual([]);
  vi.advanceTimersByTime(45_000);
  expect(socket.of("wall")).toHaveLength(4);
});

test("asks for everything again after an error that may pass", () => {
  const { wall, socket } = start();
  socket.receive({ type: "error", code: "BACKEND_UNREACHABLE", message: "It does not answer.", retryable: true });
  expect(wall.state.problem).toBe("It does not answer.");
  expect(socket.of("wall")).toHaveLength(1);
  vi.advanceTimersByTime(2000);
  expect(socket.of("wall").slice(1)).toMatchObject([{ resync: true }]);
  vi.advanceTimersByTime(2000);
  expect(socket.of("wall")).toHaveLength(2);
  expect(sockets.at(-1)).toBe(socket);
});

test("connects again after a loss, and not after a refusal", () => {
  const { wall, socket } = start();
  socket.end();
  expect(wall.state.status).toBe("reconnecting");
  vi.advanceTimersByTime(1000);
  const next = sockets.at(-1) as FakeSocket;
  expect(next).not.toBe(socket);
  next.onopen?.();
  next.receive({ type: "error", code: "FORBIDDEN", message: "only an instructor", retryable: false });
  expect([wall.state.status, wall.state.problem, next.closed]).toEqual(["refused", "only an instructor", true]);
  vi.advanceTimersByTime(60_000);
  expect(sockets.at(-1)).toBe(next);
});

test("a message to the class is answered, refused, or lost, each by its id", async () => {
  const { wall, socket } = start();
  const first = wall.announce("Five minutes left.", "ls");
  const { id, ...rest } = socket.of("announce").at(-1) ?? {};
  expect(rest).toEqual({ type: "announce", text: "Five minutes left.", line: "ls" });
  socket.receive({ type: "announced", id, reached: 28, missed: 2 });
  expect(await first).toMatchObject({ reached: 28, missed: 2 });
  const second = wall.announce("Again").catch((error: Error) => error.message);
  const refused = socket.of("announce").at(-1)?.id;
  socket.receive({ type: "error", code: "FORBIDDEN", message: "not you", retryable: false, id: refused });
  expect(await second).toBe("not you");
  expect(wall.state.status).not.toBe("refused");
  const third = wall.announce("Once more").catch((error: unknown) => error);
  socket.onclose?.({ code: 1006, reason: "" });
  expect(await third).toEqual(new NoAnswerError("The connection was lost."));
  const fourth = wall.announce("To no one").catch((error: Error) => error.message);
  expect(await fourth).toBe("The wall is not connected.");
});

test("a message without an answer keeps its id when it is sent again, and is another one after that", async () => {
  const { wall, socket } = start();
  const ids = () => socket.of("announce").map(({ id }) => id);
  const say = (text = "Five minutes left.", line = "ls") => wall.announce(text, line);
  const lost = say().catch((error: unknown) => error);
  vi.advanceTimersByTime(10_000);
  expect(await lost).toBeInstanceOf(NoAnswerError);
  const again = say();
  expect(ids()[1]).toBe(ids()[0]);
  socket.receive({ type: "announced", id: ids()[1], reached: 1, missed: 0 });
  await again;
  const rest = [say(), say(), say("Five minutes left.", ""), say("Four minutes left.")];
  expect(new Set(ids()).size).toBe(5);
  for (const id of ids()) socket.receive({ type: "announced", id, reached: 1, missed: 0 });
  expect(await Promise.all(rest)).toHaveLength(4);
});
