/**
 * An instructor's message to the class, with a command for everyone's prompt if there is one.
 */

"use client";

import { type FormEvent, useId, useState } from "react";
import type { WallClient } from "../../core/index.ts";
import { ANNOUNCEMENT_BYTES } from "../../protocol/generated.ts";
import { checkOffer } from "../typable.ts";

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
    const problem = problemOf(text, line);
    if (problem) return say(problem);
    setSending(true);
    say("Sending…");
    try {
      const { reached, missed } = await client.announce(text, line);
      say(
        `${reached} ${reached === 1 ? "terminal shows" : "terminals show"} it${missed > 0 ? `, ${missed} cannot` : ""}`,
      );
      setText("");
      setLine("");
    } catch (error) {
      say(error instanceof Error ? `Not sent: ${error.message}` : "Not sent");
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

/** Why the service would refuse it; empty if it would not. */
function problemOf(text: string, line: string): string {
  if (text.trim() === "") return "The message is empty";
  if (new TextEncoder().encode(text).length > ANNOUNCEMENT_BYTES) return "The message is too long";
  try {
    if (line) checkOffer(line);
  } catch {
    return "The command must be one line of at most 1024 bytes, of printable characters";
  }
  return "";
}
