/**
 * An instructor's messages to the class, and offered lines.
 */

import { expect } from "vitest";
import type { Person } from "../../src/core/index.ts";
import { type Harness, test } from "../support/harness.ts";

const ada: Person = { who: 1, name: "Ada", as: "owner", since: 1 };
const notice = { kind: "notice", id: "a-1", from: "Grace", text: "Five minutes left." } as const;

const ids = ({ client }: Harness) => client.state.announcements.map(({ id }) => id);

test("a message to the class is shown once, until it is dismissed", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  harness.event(0, { ...notice, line: "ls", at: 5 });
  harness.event(1, { ...notice, line: "ls", at: 5 });
  expect(harness.client.state.announcements).toEqual([
    { id: "a-1", from: "Grace", text: "Five minutes left.", line: "ls", at: 5 },
  ]);
  harness.client.dismiss("a-1");
  harness.event(2, { ...notice, at: 5 });
  expect(ids(harness)).toEqual([]);
});

test("one who comes later sees what was said in the last ten minutes", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada], head: 3 });
  const now = harness.clock.wall();
  harness.event(0, { ...notice, id: "old", at: now - 600_001 });
  harness.event(1, { ...notice, id: "late", at: now - 599_000 });
  harness.event(2, { ...notice, id: "also late", at: now });
  // Said just now, by whichever clock.
  harness.event(3, { ...notice, id: "new", at: now - 9_000_000 });
  expect(ids(harness)).toEqual(["late", "also late", "new"]);
});

test("an offered line is a message of its own, in order", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  harness.client.input("x");
  expect(harness.client.typeLine("ls -la")?.seq).toBe(2);
  expect(harness.socket.of("type_line")).toMatchObject([{ seq: 2, line: "ls -la" }]);
});

test("an offered line knows its number once it is sent", ({ harness }) => {
  harness.socket.end();
  harness.client.input("x");
  const typed = harness.client.typeLine("ls -la");
  expect(typed).not.toHaveProperty("seq");
  harness.reattach({ people: [ada] });
  expect(harness.socket.of("type_line").at(-1)?.seq).toBe(2);
  expect(typed?.seq).toBe(2);
});

test("a borrower's line names the loan", ({ harness }) => {
  harness.reconnect({ role: "instructor", who: 2, canAsk: true, people: [ada] });
  harness.event(0, { kind: "control", state: "lent", who: 2, loan: 7 });
  harness.client.typeLine("id");
  expect(harness.socket.of("type_line").at(-1)).toMatchObject({ line: "id", loan: 7 });
});

test("who may not type types no offer", ({ harness }) => {
  harness.reconnect({ role: "viewer" });
  expect(harness.client.typeLine("ls")).toBeUndefined();
  expect(harness.socket.of("type_line")).toEqual([]);
});

test("a refused line is no fault of the connection", ({ harness }) => {
  harness.reconnect({});
  harness.client.typeLine("ls");
  const follows = harness.socket.of("follow").length;
  harness.socket.receive({ type: "error", code: "BUSY", message: "not at an empty prompt", retryable: true, seq: 1 });
  expect([harness.client.state.error, harness.socket.of("follow").length]).toEqual([null, follows]);
});
