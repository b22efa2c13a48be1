/**
 * Announces the status to a screen reader, without countdowns and short interruptions.
 */

"use client";

import { useEffect, useState } from "react";
import { mayType, type TerminalState } from "../core/index.ts";
import { closingSentence, reason, stateWords, typingSentence } from "./words.ts";

/** A status is announced once it has lasted this long. */
const ANNOUNCE_DELAY_MS = 1500;

export function Announcer({ state }: { state: TerminalState }) {
  const { end, closing, role } = state;
  const watchers = watchersOf(state);
  const typing = typingSentence(state);
  const words = stateWords(state);
  const [text, setText] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: other changes are not worth an announcement
  useEffect(() => {
    const timer = setTimeout(() => setText(sentence(state)), ANNOUNCE_DELAY_MS);
    return () => clearTimeout(timer);
  }, [words, end, closing, role, watchers, typing]);
  return (
    <span className="tg-hidden" role="status">
      {text}
    </span>
  );
}

function sentence(state: TerminalState): string {
  const now = Date.now();
  let words = stateWords(state) + (!mayType(state) && state.status === "connected" ? ", read-only" : "");
  const watchers = watchersOf(state);
  if (watchers) words += `, ${watchers} watches`;
  const typing = typingSentence(state);
  if (typing) words += `. ${typing}`;
  const why = state.closing ? closingSentence(state, now) : state.end ? reason(state, now) : "";
  return why ? `${words}: ${why}` : words;
}

/** Names of the instructors who are there. */
function watchersOf({ people, who, status }: TerminalState): string {
  const watchers = people.filter((person) => person.as === "instructor" && person.who !== who);
  const names = new Set(watchers.map((person) => person.name));
  return status === "connected" ? [...names].join(" and ") : "";
}
