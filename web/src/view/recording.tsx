/**
 * Tells everyone that the session is recorded: in a sentence above the terminal, which comes back with each page load,
 * and behind it in the status line for as long as it is so.
 */

"use client";

import { useState } from "react";
import type { TerminalClient, TerminalState } from "../core/index.ts";
import { Disclosure } from "./disclosure.tsx";
import { useReset } from "./use-reset.ts";
import { recordingSentence } from "./words.ts";

interface RecordingNoteProps {
  client: TerminalClient;
  state: TerminalState;
  /** True without a status line, which would still say it. */
  stays: boolean;
  focus: () => void;
}

/** The sentence, until it is read: about this session, and all that it says. */
export function RecordingNote({ client, state, stays, focus }: RecordingNoteProps) {
  const { recording } = state;
  const [read, setRead] = useState("");
  useReset(client, () => setRead(""));
  const sentence = recording ? recordingSentence(recording) : "";
  // Another sentence forgets the one that was read: that is news if it returns.
  if (read !== "" && sentence !== "" && sentence !== read) setRead("");
  if (sentence === "" || sentence === read || state.end) return null;
  const close = () => {
    setRead(sentence);
    focus();
  };
  return (
    <p className="tg-recording" role="note">
      <span>{sentence}</span>
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
