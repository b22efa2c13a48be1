/**
 * The right to type: loans, keys of another loan, and an owner who types alone.
 */

import { expect } from "vitest";
import { mayType, type Person } from "../../src/core/index.ts";
import { type Harness, test } from "../support/harness.ts";

const ada: Person = { who: 1, name: "Ada", as: "owner", since: 1 };
const grace: Person = { who: 2, name: "Grace", as: "instructor", since: 2 };
const bob: Person = { who: 3, name: "Bob", as: "guest", since: 3 };
const people = [ada, grace, bob];

function watching(harness: Harness) {
  harness.reconnect({ role: "instructor", who: 2, canAsk: true, people: [...people] });
}

test("a borrower types under the loan's number, and nothing else", ({ harness }) => {
  watching(harness);
  const { client } = harness;
  client.input("early");
  client.ask();
  expect(harness.socket.of("ask")).toMatchObject([{ seq: 1 }]);
  harness.event(0, { kind: "control", state: "asked", who: 2, until: 60_000 });
  expect([client.state.control, mayType(client.state)]).toEqual([{ state: "asked", who: 2, until: 60_000 }, false]);
  harness.event(1, { kind: "control", state: "lent", who: 2, loan: 7 });
  client.input("ls");
  client.input("\x03");
  client.executeCommand("id").catch(() => {});
  client.resize(20, 5);
  client.extend();
  client.close();
  expect(harness.socket.of("input")).toMatchObject([{ data: "ls", loan: 7 }]);
  expect(harness.socket.of("interrupt")).toMatchObject([{ loan: 7 }]);
  expect(harness.socket.of("command")).toMatchObject([{ command: "id", loan: 7 }]);
  for (const kind of ["resize", "extend", "close"] as const) expect(harness.socket.of(kind)).toEqual([]);
  client.giveBack();
  expect(harness.socket.of("give_back")).toHaveLength(1);
});

test("keys that were not sent under a loan are dropped with it, and the page says so", ({ harness }) => {
  watching(harness);
  const { client } = harness;
  harness.event(0, { kind: "control", state: "lent", who: 2, loan: 1 });
  client.input("sent");
  harness.socket.end();
  client.input("later");
  client.executeCommand("reboot").catch(() => {});
  harness.reconnect({ role: "instructor", who: 2, people: [...people], control: { state: "lent", who: 2, loan: 2 } });
  // Input that was sent keeps the number of its own loan, and the service refuses it.
  expect(harness.socket.of("input")).toMatchObject([{ data: "sent", loan: 1 }]);
  expect(harness.socket.of("command")).toMatchObject([{ command: "reboot", loan: 1 }]);
  expect(harness.notices.at(-1)).toMatchObject({ kind: "held", characters: 5 });
  client.input("new");
  expect(harness.socket.of("input").at(-1)).toMatchObject({ data: "new", loan: 2 });
  harness.event(1, { kind: "control", state: "free" });
  client.input("x");
  expect([mayType(client.state), harness.socket.of("input")]).toMatchObject([false, { length: 2 }]);
});

test("an owner who types alone holds back a controller, and not the owner", ({ harness }) => {
  const { client } = harness;
  harness.reconnect({ who: 3, people: [...people], control: { state: "only" } });
  client.input("held");
  expect([mayType(client.state), harness.socket.of("input")]).toEqual([false, []]);
  harness.event(0, { kind: "control", state: "free" });
  client.input("free");
  expect(harness.socket.of("input")).toMatchObject([{ data: "free" }]);
  harness.reconnect({ who: 1, people: [...people], control: { state: "only" } });
  client.input("owner");
  expect(harness.socket.of("input").at(-1)).toMatchObject({ data: "owner" });
  expect(harness.socket.of("input").at(-1)).not.toHaveProperty("loan");
});

test("the owner answers, takes back and holds back", ({ harness }) => {
  harness.reconnect({ who: 1, people: [...people] });
  const { client } = harness;
  client.allow(2, "kept");
  client.takeBack();
  client.onlyMe(true);
  expect(harness.socket.of("allow")).toMatchObject([{ seq: 1, who: 2, for: "kept" }]);
  expect([harness.socket.of("take_back"), harness.socket.of("only_me")]).toMatchObject([[{ seq: 2 }], [{ on: true }]]);
  // A loan of another person changes nothing for the owner's keys.
  client.input("a");
  harness.event(0, { kind: "control", state: "lent", who: 2, loan: 1 });
  client.input("b");
  expect(harness.socket.of("input").map(({ loan }) => loan)).toEqual([undefined, undefined]);
  expect(harness.notices.filter(({ kind }) => kind === "held")).toEqual([]);
});

test("a page that a loan was moved away from types no longer", ({ harness }) => {
  watching(harness);
  harness.event(0, { kind: "control", state: "lent", who: 2, loan: 1 });
  expect(mayType(harness.client.state)).toBe(true);
  harness.event(1, { kind: "control", state: "lent", who: 4, loan: 1 });
  expect(mayType(harness.client.state)).toBe(false);
});
