/**
 * A file that an instructor hands to the class.
 */

"use client";

import { type FormEvent, useId, useState } from "react";
import type { TokenSource } from "../../core/index.ts";

interface HandOutProps {
  /** The address of the service itself. */
  service: string;
  token: TokenSource;
  onClose: () => void;
}

export function HandOut({ service, token, onClose }: HandOutProps) {
  const id = useId();
  const [file, setFile] = useState<File>();
  const [said, say] = useState("");
  const [sending, setSending] = useState(false);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (!file) return say("Choose a file first");
    setSending(true);
    say("Handing out…");
    try {
      const { handOut } = await import("../files/service.ts");
      const { reached, missed } = await handOut(service, typeof token === "string" ? token : await token(), file);
      const students = `${reached} ${reached === 1 ? "student has" : "students have"} it`;
      say(missed > 0 ? `${students}, ${missed} ${missed === 1 ? "has" : "have"} not` : students);
    } catch (error) {
      say(error instanceof Error ? `Not handed out: ${error.message}` : "Not handed out");
    }
    setSending(false);
  };
  return (
    <form className="tg-wall-announce" onSubmit={send} aria-label="Hand out a file">
      <label htmlFor={id}>A file for the home directory of every student, at most 8 MB</label>
      <input id={id} type="file" onChange={({ currentTarget }) => setFile(currentTarget.files?.[0])} />
      <div>
        <button type="submit" disabled={sending}>
          Hand out
        </button>
        <button type="button" onClick={onClose}>
          Close
        </button>
        <output>{said}</output>
      </div>
    </form>
  );
}
