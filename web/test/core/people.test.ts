/**
 * The people of a session, and the raised hand: lists, events, and history that is replayed.
 */

import { expect } from "vitest";
import type { Person } from "../../src/core/index.ts";
import { EPOCH, test } from "../support/harness.ts";

const ada: Person = { who: 1, name: "Ada", as: "owner", since: 1 };
const grace: Person = { who: 2, name: "Grace", as: "instructor", since: 2 };
const watched = { kind: "watched", name: "Grace", text: "Grace (instructor) is watching" };

test("people come and go", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  const { client } = harness;
  expect([client.state.who, client.state.people]).toEqual([1, [ada]]);
  harness.event(0, { kind: "joined", ...grace });
  harness.event(1, { kind: "joined", who: 3, name: "Vic", as: "guest", since: 3 });
  expect(client.state.people.map((person) => person.name)).toEqual(["Ada", "Grace", "Vic"]);
  harness.event(2, { kind: "left", who: 2 });
  expect(client.state.people.map((person) => person.who)).toEqual([1, 3]);
});

test("a student is told once that an instructor watches", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada, grace] });
  expect(harness.notices).toEqual([watched]);
  harness.event(0, { kind: "left", who: 2 });
  harness.event(1, { kind: "joined", ...grace, who: 4 });
  harness.reconnect({ who: 1, pos: 2, people: [ada, { ...grace, who: 4 }] });
  expect(harness.notices).toEqual([watched]);
});

test("an instructor who watches on a wall and then comes is told of once", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  harness.event(0, { kind: "joined", ...grace, via: "wall" });
  expect(harness.client.state.people).toEqual([ada, { ...grace, via: "wall" }]);
  harness.event(1, { kind: "joined", ...grace, who: 3 });
  expect(harness.notices).toEqual([watched]);
});

test("an instructor is not told of others", ({ harness }) => {
  harness.reconnect({ role: "instructor", who: 2, people: [ada, grace, { ...grace, who: 3, name: "Ivo" }] });
  expect(harness.notices).toEqual([]);
});

test("history that is replayed changes nothing that the list says", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada], head: 2 });
  harness.event(0, { kind: "joined", ...grace });
  harness.event(1, { kind: "left", who: 2 });
  harness.event(2, { kind: "hand", up: true, at: 9 });
  expect([harness.client.state.people, harness.notices]).toEqual([[ada], []]);
  expect(harness.client.state.hand).toEqual({ up: true, at: 9 });
});

test("a snapshot brings the whole list, unless a later one is known", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  const snapshot = {
    ...({ type: "snapshot", epoch: EPOCH, id: 1, part: 1, parts: 1, scope: "full", cols: 80, rows: 24 } as const),
    ...{ data: "", skipped: 0 },
  };
  harness.socket.receive({ ...snapshot, pos: 9, people: [ada, grace], hand: { up: true, at: 5, seen: "Grace" } });
  expect(harness.client.state.people).toEqual([ada, grace]);
  expect(harness.client.state.hand?.seen).toBe("Grace");
  harness.socket.receive({ ...snapshot, id: 2, pos: 4, people: [ada] });
  expect(harness.client.state.people).toEqual([ada, grace]);
});

test("a person is removed, and others know whose link is the same", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  const { client } = harness;
  harness.event(0, { kind: "joined", who: 2, name: "Vic", as: "guest", since: 2 });
  harness.event(1, { kind: "joined", who: 3, name: "Val", as: "guest", since: 3, link: 2 });
  expect(client.state.people.map((person) => person.link)).toEqual([undefined, undefined, 2]);
  client.remove(2);
  expect(harness.socket.of("remove")).toMatchObject([{ seq: 1, who: 2 }]);
});

test("a hand is raised, seen and lowered", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada] });
  harness.client.raiseHand(true);
  harness.client.seeHand();
  expect(harness.socket.of("hand")).toMatchObject([{ seq: 1, up: true }]);
  expect(harness.socket.of("hand_seen")).toMatchObject([{ seq: 2 }]);
  harness.event(0, { kind: "hand", up: true, at: 9, seen: "Grace" });
  expect(harness.client.state.hand).toEqual({ up: true, at: 9, seen: "Grace" });
  expect(harness.notices).toEqual([{ kind: "hand-seen", name: "Grace", text: "Grace has seen your hand" }]);
  harness.event(1, { kind: "hand", up: false, at: 10 });
  expect(harness.client.state.hand).toBeNull();
});

test("whether the session is recorded is known from the list on, until an event changes it", ({ harness }) => {
  harness.reconnect({ who: 1, people: [ada], recording: { state: "on", input: true, days: 30 } });
  expect(harness.client.state.recording).toEqual({ state: "on", input: true, days: 30 });
  harness.event(0, { kind: "recording", state: "off", days: 30 });
  expect(harness.client.state.recording).toEqual({ state: "off", days: 30 });
  harness.reconnect({ who: 1, pos: 1, people: [ada] });
  expect(harness.client.state.recording).toBe(null);
});
