/**
 * Tells everyone that the session is recorded: in a sentence above the terminal, which comes back with each page load,
 * and behind it in the status line for as long as it is so.
 */

"use client";

import { useState } from "react";
import type { TerminalState } from "../core/index.ts";
import { Disclosure } from "./disclosure.tsx";
import { recordingSentence } from "./words.ts";

/** The sentence. Without a status line, which would still say it, it stays. */
export function RecordingNote({ state, stays, focus }: { state: TerminalState; stays: boolean; focus: () => void }) {
  const { recording } = state;
  // What was read about another state says nothing about this one.
  const [read, setRead] = useState("");
  if (!recording || state.end || recording.state === read) return null;
  const close = () => {
    setRead(recording.state);
    focus();
  };
  return (
    <p className="tg-recording" role="note">
      <span>{recordingSentence(recording)}</span>
      {!stays && (
        <button type="button" onClick={close}>
          OK
        </button>
      )}
    </p>
  );
}

/** The word in the status line. */
export function RecordingBadge({ state }: { state: TerminalState }) {
  const { recording, end } = state;
  if (!recording || end) return null;
  const on = recording.state === "on";
  return (
    <Disclosure
      label={
        <>
          <span className="tg-record" aria-hidden="true" data-on={on || undefined} />
          {on ? "Recorded" : "Not recorded"}
        </>
      }
      title="Whether this session is recorded"
    >
      {recordingSentence(recording)}
    </Disclosure>
  );
}
