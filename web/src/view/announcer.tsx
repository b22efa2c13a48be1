/**
 * Announces the status to a screen reader, without countdowns and short interruptions.
 */

"use client";

import { useEffect, useState } from "react";
import type { TerminalState } from "../core/index.ts";
import { closingSentence, reason, stateWords } from "./words.ts";

/** A status is announced once it has lasted this long. */
const ANNOUNCE_DELAY_MS = 1500;

export function Announcer({ state }: { state: TerminalState }) {
  const { end, closing, role } = state;
  const words = stateWords(state);
  const [text, setText] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: other changes are not worth an announcement
  useEffect(() => {
    const timer = setTimeout(() => setText(sentence(state)), ANNOUNCE_DELAY_MS);
    return () => clearTimeout(timer);
  }, [words, end, closing, role]);
  return (
    <span className="tg-hidden" role="status">
      {text}
    </span>
  );
}

function sentence(state: TerminalState): string {
  const now = Date.now();
  const words = stateWords(state) + (state.role !== "controller" && state.status === "connected" ? ", read-only" : "");
  const why = state.closing ? closingSentence(state, now) : state.end ? reason(state, now) : "";
  return why ? `${words}: ${why}` : words;
}
