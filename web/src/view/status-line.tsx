/**
 * One line that says how the terminal is: state and what to do about it, time left, round trip, size.
 */

"use client";

import type { ReactNode } from "react";
import type { TerminalClient, TerminalState } from "../core/index.ts";
import { Announcer } from "./announcer.tsx";
import { duration } from "./duration.ts";
import { slowSentence } from "./latency.ts";
import { RoundTrip } from "./round-trip.tsx";
import { useNow } from "./use-now.ts";
import { reason, stateSentence } from "./words.ts";

/** Less than this is left of the session: said where it is seen, in ms. */
const SHORT_MS = 10 * 60_000;
/** Asking for more time gives an hour from then: with more than this left, it would hardly be any. */
const EXTEND_MS = 30 * 60_000;

interface StatusLineProps {
  client: TerminalClient;
  state: TerminalState;
  /** What a person should know for a moment. */
  notice: string;
  children: ReactNode;
  whenEnded: ReactNode;
  /** Gives the keyboard back to the terminal: a button that has done its work goes. */
  focus: () => void;
}

export function StatusLine({ client, state, notice, children, whenEnded, focus }: StatusLineProps) {
  const { status, retryAt, closing, endsAt, canExtend, size, role, end, latency } = state;
  const connected = status === "connected";
  const now = useNow(retryAt, connected ? closing?.at : null, connected ? endsAt : null);
  const then = (act: () => void) => () => {
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
        <button type="button" onClick={then(() => client.connect())}>
          Try now
        </button>
      )}
      {status === "closed" && !end && (
        <button type="button" onClick={then(() => client.connect())}>
          Connect
        </button>
      )}
      {end && whenEnded}
      <span className={connected && closing ? "tg-detail tg-short" : "tg-detail"} title={why || notice}>
        {why || notice || (connected && slowSentence(latency))}
      </span>
      <span className="tg-spring" />
      {role === "viewer" && (
        <span className="tg-badge" title="You watch this session; you cannot type in it">
          Read-only
        </span>
      )}
      {left !== null && (
        <span className={left < SHORT_MS ? "tg-left tg-short" : "tg-left"} title="Until the session's time is up">
          {duration(left)} left
        </span>
      )}
      {connected && role === "controller" && (idle || (canExtend && left !== null && left < EXTEND_MS)) && (
        <button type="button" onClick={then(() => client.extend())}>
          {idle ? "Keep open" : "Extend"}
        </button>
      )}
      {children}
      {size && (
        <span className="tg-size" title="Columns × rows">
          {size.cols}×{size.rows}
        </span>
      )}
      <RoundTrip latency={latency} />
    </footer>
  );
}
