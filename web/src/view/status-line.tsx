/**
 * The status line: state and what to do about it, time left, round trip, size.
 */

"use client";

import type { ReactNode } from "react";
import type { TerminalClient, TerminalState } from "../core/index.ts";
import { Announcer } from "./announcer.tsx";
import { duration } from "./duration.ts";
import { slowSentence } from "./latency.ts";
import { RoundTrip } from "./round-trip.tsx";
import { useNow } from "./use-now.ts";
import { isStalled, reason, routeSentence, stateSentence } from "./words.ts";

/** The time left is highlighted below this. */
const LOW_TIME_MS = 10 * 60_000;
/** `Extend` is offered below this: it sets the time left to an hour, which adds little before. */
const EXTEND_BELOW_MS = 30 * 60_000;

interface StatusLineProps {
  client: TerminalClient;
  state: TerminalState;
  /** Shown for a moment. */
  notice: string;
  children: ReactNode;
  whenEnded: ReactNode;
  /** Focuses the terminal after a click, because the clicked button may disappear. */
  focus: () => void;
}

export function StatusLine({ client, state, notice, children, whenEnded, focus }: StatusLineProps) {
  const { status, retryAt, closing, endsAt, canExtend, size, role, end, latency } = state;
  const connected = status === "connected";
  const now = useNow(retryAt, connected ? closing?.at : null, connected ? endsAt : null);
  const thenFocus = (act: () => void) => () => {
    act();
    focus();
  };
  const why = reason(state, now);
  const idle = closing?.reason === "idle";
  const left = connected && endsAt !== null ? endsAt - now : null;
  return (
    <footer className="tg-status">
      <span className="tg-dot" aria-hidden="true" />
      <span className="tg-state">{stateSentence(state, now)}</span>
      <Announcer state={state} />
      {(status === "offline" || (status === "reconnecting" && retryAt !== null)) && (
        <button type="button" onClick={thenFocus(() => client.connect())}>
          Try now
        </button>
      )}
      {status === "closed" && !end && (
        <button type="button" onClick={thenFocus(() => client.connect())}>
          Connect
        </button>
      )}
      {end && whenEnded}
      <span className={connected && closing ? "tg-detail tg-short" : "tg-detail"} title={why || notice}>
        {why || notice || (connected && (slowSentence(isStalled(state) ? null : latency) || routeSentence(state)))}
      </span>
      <span className="tg-spring" />
      {role !== "controller" && (
        <span className="tg-badge" title="You can watch this session but not type">
          Read-only
        </span>
      )}
      {left !== null && (
        <span className={left < LOW_TIME_MS ? "tg-left tg-short" : "tg-left"} title="Until the session's time is up">
          {duration(left)} left
        </span>
      )}
      {connected && role === "controller" && (idle || (canExtend && left !== null && left < EXTEND_BELOW_MS)) && (
        <button type="button" onClick={thenFocus(() => client.extend())}>
          {idle ? "Keep open" : "Extend"}
        </button>
      )}
      {children}
      {size && (
        <span className="tg-size" title="Columns × rows">
          {size.cols}×{size.rows}
        </span>
      )}
      <RoundTrip latency={isStalled(state) ? null : latency} />
    </footer>
  );
}
