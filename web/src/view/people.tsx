/**
 * The people of the session in the status line: initials, a list behind them, and the raised hand.
 */

"use client";

import { useState } from "react";
import type { Part, Person, TerminalClient, TerminalState } from "../core/index.ts";
import { Disclosure } from "./disclosure.tsx";
import { timeOfDay } from "./time-of-day.ts";

/** Initials that the status line has room for; a number stands for the others. */
const MAX_FACES = 3;

const PARTS: Record<Part, string> = { owner: "owner", guest: "guest", instructor: "instructor" };

interface PeopleProps {
  client: TerminalClient;
  state: TerminalState;
  /** True if the owner is offered to raise a hand. */
  raisesHand: boolean;
  focus: () => void;
}

export function People({ client, state, raisesHand, focus }: PeopleProps) {
  const { people, who, hand, control, status } = state;
  const mine = people.find((person) => person.who === who)?.as;
  const others = people.filter((person) => person.who !== who && !isTwice(person, people));
  if (status !== "connected") return null;
  const act = (move: () => void) => () => {
    move();
    focus();
  };
  return (
    <>
      {mine === "owner" && (raisesHand || hand) && control.state !== "asked" && (
        <button
          type="button"
          aria-pressed={hand !== null}
          title={hand?.seen === undefined ? undefined : `${hand.seen} has seen it`}
          onClick={act(() => client.raiseHand(hand === null))}
        >
          {hand === null ? "Raise hand" : hand.seen === undefined ? "Lower hand" : "Hand seen: lower it"}
        </button>
      )}
      {mine === "instructor" && hand && (
        <button
          type="button"
          className={hand.seen === undefined ? "tg-primary" : undefined}
          disabled={hand.seen !== undefined}
          title={`Raised at ${timeOfDay(hand.at)}`}
          onClick={act(() => client.seeHand())}
        >
          {hand.seen === undefined ? "Hand raised: I see it" : "Hand raised, seen"}
        </button>
      )}
      {others.length > 0 && (
        <Disclosure
          className="tg-faces"
          title={summary(others)}
          label={
            <>
              {others.slice(0, MAX_FACES).map((person) => (
                <span key={person.who} className="tg-face" data-part={person.as} aria-hidden="true">
                  {initials(person.name)}
                </span>
              ))}
              {others.length > MAX_FACES && <span aria-hidden="true">+{others.length - MAX_FACES}</span>}
              <span className="tg-hidden">{summary(others)}</span>
            </>
          }
        >
          {people.map((person) => (
            <span key={person.who} className="tg-person">
              <bdi>{person.name}</bdi>
              {person.who === who && " (you)"}, {PARTS[person.as]}
              {person.via === "wall" && " with a wall of the class"} since {timeOfDay(person.since)}
              {person.as === "guest" && person.who !== who && (mine === "owner" || mine === "instructor") && (
                <Remove person={person} sharing={sharing(person, people)} remove={() => client.remove(person.who)} />
              )}
            </span>
          ))}
          {mine === "owner" && (
            <button
              type="button"
              aria-pressed={control.state === "only"}
              title="Hold back the keys of everyone else"
              onClick={act(() => client.onlyMe(control.state !== "only"))}
            >
              Only I type
            </button>
          )}
        </Disclosure>
      )}
    </>
  );
}

interface RemoveProps {
  person: Person;
  /** People with the same link. */
  sharing: number;
  remove: () => void;
}

/** Removes a guest, after a second click: it cannot be undone here. */
function Remove({ person, sharing, remove }: RemoveProps) {
  const [asked, ask] = useState(false);
  const all = sharing > 1 ? `closes this link (${sharing} people)` : "closes this link";
  return (
    <button
      type="button"
      className={asked ? "tg-primary" : undefined}
      title={`${person.name} does not come back with the same link`}
      aria-label={`${asked ? "Remove for good" : "Remove"}: ${person.name}, ${all}`}
      onClick={asked ? remove : () => ask(true)}
    >
      {asked ? `Remove for good: ${all}` : "Remove"}
    </button>
  );
}

/** True for an instructor's wall beside their page. */
function isTwice({ via, name }: Person, people: readonly Person[]): boolean {
  return via === "wall" && people.some((other) => !other.via && other.as === "instructor" && other.name === name);
}

/** Number of people who have the link of this one. */
export function sharing(person: Person, people: readonly Person[]): number {
  const first = ({ who, link = who }: Person) => link;
  return people.filter((other) => first(other) === first(person)).length;
}

/** Everyone else in one sentence: instructors by name, guests by number. */
export function summary(others: readonly Person[]): string {
  const names = others.filter((person) => person.as !== "guest").map((person) => person.name);
  const guests = others.length - names.length;
  if (guests > 0) names.push(guests === 1 ? "one guest" : `${guests} guests`);
  return `Here too: ${names.join(", ")}`;
}

/** Of the first and the last word. */
export function initials(name: string): string {
  const words = name.split(" ").filter((word) => word !== "");
  const [first = "", last] = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return [first, last ?? ""]
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}
