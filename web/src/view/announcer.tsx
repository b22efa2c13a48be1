/**
 * Tells a screen reader what the status line shows, but only what lasts: no countdown, and no loss that has healed before
 * anybody could have noticed.
 */

"use client";

import { useEffect, useState } from "react";
import type { TerminalState } from "../core/index.ts";
import { closingSentence, isStalled, reason, stateWords } from "./words.ts";

/** What changes again within this time is not said, in ms. */
const LASTS_MS = 1500;

export function Announcer({ state }: { state: TerminalState }) {
  const { status, end, closing, role } = state;
  const stalled = isStalled(state);
  const [said, setSaid] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: what changes besides these is not worth interrupting anybody for
  useEffect(() => {
    const timer = setTimeout(() => setSaid(sentence(state)), LASTS_MS);
    return () => clearTimeout(timer);
  }, [status, end, closing, role, stalled]);
  return (
    <span className="tg-hidden" role="status">
      {said}
    </span>
  );
}

function sentence(state: TerminalState): string {
  const now = Date.now();
  const words = stateWords(state) + (state.role === "viewer" && state.status === "connected" ? ", read-only" : "");
  const why = state.closing ? closingSentence(state, now) : state.end ? reason(state, now) : "";
  return why ? `${words}: ${why}` : words;
}
