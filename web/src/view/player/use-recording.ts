/**
 * Fetches a recording, and reads it while it comes: the part that is there can be played.
 */

"use client";

import { useEffect, useState } from "react";
import type { TokenSource } from "../../core/index.ts";
import { readRecording } from "./read-recording.ts";
import type { Recording } from "./recording.ts";

/** The part of a recording that has come. */
interface Seen {
  /** It grows in place; null before its first line. */
  recording: Recording | null;
  /** Number of its events, when it was looked at. */
  length: number;
  /** True once it has all. */
  isWhole: boolean;
}

const NOTHING: Seen = { recording: null, length: 0, isWhole: false };

interface Source {
  url: string;
  sessionId: string;
  token: TokenSource;
  started?: number;
}

/** Least time between two looks at what has come, in ms: each renders the lists anew. */
const LOOK_MS = 250;

/** Sentences about answers that are no recording, by HTTP status. */
const PROBLEMS: Record<number, string> = {
  401: "Your access has expired.",
  404: "There is no recording that you may watch.",
};

export function useRecording({ url, sessionId, token, started }: Source) {
  const [seen, setSeen] = useState<Seen>(NOTHING);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page may make the token's function anew at each rendering
  useEffect(() => {
    const stop = new AbortController();
    let due: ReturnType<typeof setTimeout> | undefined;
    setSeen(NOTHING);
    setError(null);
    const look = (recording: Recording) => {
      // The slice that was being read is of no use any more.
      if (stop.signal.aborted) return;
      clearTimeout(due);
      due = undefined;
      setSeen({ recording, length: recording.events.length, isWhole: recording.isWhole });
    };
    let isFirst = true;
    const show = (recording: Recording) => {
      if (isFirst || recording.isWhole) look(recording);
      else due ??= setTimeout(look, LOOK_MS, recording);
      isFirst = false;
    };
    const load = async () => {
      const query = `?keyframes=true${started === undefined ? "" : `&started=${started}`}`;
      const bearer = typeof token === "string" ? token : await token();
      const path = `${url.replace(/\/$/, "")}/api/sessions/${encodeURIComponent(sessionId)}/recording${query}`;
      const answer = await fetch(path, { headers: { authorization: `Bearer ${bearer}` }, signal: stop.signal });
      if (!answer.ok || !answer.body) throw new Error(PROBLEMS[answer.status] ?? "The recording cannot be loaded.");
      return readRecording(answer.body.pipeThrough(new TextDecoderStream()), () => turn(stop.signal), show);
    };
    load().catch((failure: unknown) => {
      clearTimeout(due);
      if (stop.signal.aborted) return;
      setSeen(NOTHING);
      // A network's error says nothing to a reader.
      setError(
        failure instanceof Error && !(failure instanceof TypeError)
          ? failure.message
          : "The recording cannot be loaded.",
      );
    });
    return () => {
      clearTimeout(due);
      stop.abort();
    };
  }, [url, sessionId, started, attempt]);
  return { ...seen, error, retry: () => setAttempt((count) => count + 1) };
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
