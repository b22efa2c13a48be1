/**
 * An instructor's message to the class, with a command for everyone's prompt if there is one.
 */

"use client";

import { type FormEvent, useId, useState } from "react";
import { NoAnswerError, type WallClient } from "../../core/index.ts";
import { announcementProblem } from "../typable.ts";

/** In place of a tab, which the service does not pass on. */
const TAB = "    ";

interface AnnounceProps {
  client: WallClient;
  onClose: () => void;
}

export function Announce({ client, onClose }: AnnounceProps) {
  const id = useId();
  const [text, setText] = useState("");
  const [line, setLine] = useState("");
  const [said, say] = useState("");
  const [sending, setSending] = useState(false);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const plain = text.replaceAll("\t", TAB);
    const problem = announcementProblem(plain, line);
    if (problem) return say(problem);
    setSending(true);
    say("Sending…");
    try {
      const { reached, missed } = await client.announce(plain, line);
      say(
        `${reached} ${reached === 1 ? "terminal shows" : "terminals show"} it${missed > 0 ? `, ${missed} cannot` : ""}`,
      );
      setText("");
      setLine("");
    } catch (error) {
      // The class sees it once, however often it is sent.
      if (error instanceof NoAnswerError) say("Perhaps not sent: send it again");
      else say(error instanceof Error ? `Not sent: ${error.message}` : "Not sent");
    }
    setSending(false);
  };
  return (
    <form className="tg-wall-announce" onSubmit={send} aria-label="Message to everyone">
      <label htmlFor={`${id}-text`}>Message to everyone</label>
      <textarea id={`${id}-text`} rows={2} required value={text} onChange={(event) => setText(event.target.value)} />
      <label htmlFor={`${id}-line`}>Command to offer, if any: a click types it, and the student presses Enter</label>
      <input
        id={`${id}-line`}
        type="text"
        spellCheck={false}
        autoCapitalize="off"
        value={line}
        onChange={(event) => setLine(event.target.value)}
      />
      <div>
        <button type="submit" disabled={sending}>
          Send
        </button>
        <button type="button" onClick={onClose}>
          Close
        </button>
        <output>{said}</output>
      </div>
    </form>
  );
}
