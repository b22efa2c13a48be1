/**
 * Plays the recording of a session: `/recording?session=…`, and `&started=…` for an earlier one.
 */

"use client";

import "asciinema-player/dist/bundle/asciinema-player.css";
import { useEffect, useState } from "react";
import { TermgatePlayer } from "../../../src/player.ts";
import { findRecording, type RecordingAccess } from "../access.ts";
import { usePreferences } from "../preferences.ts";

export default function Page() {
  const [found, setFound] = useState<RecordingAccess | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [preferences] = usePreferences();
  useEffect(() => {
    findRecording().then(setFound, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, []);
  if (!found) {
    return (
      <main className="opening" role="status">
        {problem ?? "Opening…"}
      </main>
    );
  }
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
  return (
    <main className="wall">
      <TermgatePlayer {...found} theme={preferences.theme} label={`Recording of ${found.sessionId}`} nonce={nonce} />
    </main>
  );
}
