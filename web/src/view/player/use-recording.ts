/**
 * Fetches a recording, and reads it while it comes.
 */

"use client";

import { useEffect, useState } from "react";
import type { TokenSource } from "../../core/index.ts";
import { readRecording } from "./read-recording.ts";
import type { Recording } from "./recording.ts";

interface Source {
  url: string;
  sessionId: string;
  token: TokenSource;
  started?: number;
}

/** Sentences about answers that are no recording, by HTTP status. */
const PROBLEMS: Record<number, string> = {
  401: "Your access has expired.",
  404: "There is no recording that you may watch.",
};

export function useRecording({ url, sessionId, token, started }: Source) {
  const [recording, setRecording] = useState<Recording | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page may make the token's function anew at each rendering
  useEffect(() => {
    const stop = new AbortController();
    setRecording(null);
    setError(null);
    const load = async () => {
      const query = `?keyframes=true${started === undefined ? "" : `&started=${started}`}`;
      const bearer = typeof token === "string" ? token : await token();
      const path = `${url.replace(/\/$/, "")}/api/sessions/${encodeURIComponent(sessionId)}/recording${query}`;
      const answer = await fetch(path, { headers: { authorization: `Bearer ${bearer}` }, signal: stop.signal });
      if (!answer.ok || !answer.body) throw new Error(PROBLEMS[answer.status] ?? "The recording cannot be loaded.");
      return readRecording(answer.body.pipeThrough(new TextDecoderStream()), () => turn(stop.signal));
    };
    load().then(setRecording, (failure: unknown) => {
      if (stop.signal.aborted) return;
      // A network's error says nothing to a reader.
      setError(
        failure instanceof Error && !(failure instanceof TypeError)
          ? failure.message
          : "The recording cannot be loaded.",
      );
    });
    return () => stop.abort();
  }, [url, sessionId, started, attempt]);
  return { recording, error, retry: () => setAttempt((count) => count + 1) };
}

/** Lets the page answer. A timer would take some ms each time, and stop in a page behind others. */
function turn(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
