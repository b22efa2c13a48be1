/**
 * The status line: state and what to do about it, time left, round trip, size.
 */

"use client";

import type { ReactNode } from "react";
import { mayType, type TerminalClient, type TerminalState } from "../core/index.ts";
import { Announcer } from "./announcer.tsx";
import { Details } from "./details.tsx";
import { duration } from "./duration.ts";
import { Keyboard } from "./keyboard.tsx";
import { slowSentence } from "./latency.ts";
import { People } from "./people.tsx";
import { RecordingBadge } from "./recording.tsx";
import { RoundTrip } from "./round-trip.tsx";
import { useNow } from "./use-now.ts";
import { heldSentence, isStalled, isWaiting, reason, routeSentence, stateSentence } from "./words.ts";

/** The time left is highlighted below this. */
const LOW_TIME_MS = 10 * 60_000;
/** `Extend` is offered below this: it sets the time left to an hour, which adds little before. */
const EXTEND_BELOW_MS = 30 * 60_000;

interface StatusLineProps {
  client: TerminalClient;
  state: TerminalState;
  /** Shown for a moment. */
  notice: string;
  /** Why the terminal does not fill its window; empty if it does. */
  sizeHint: string;
  /** Offers the owner to raise a hand. */
  raisesHand?: boolean | undefined;
  children: ReactNode;
  whenEnded: ReactNode;
  /** Focuses the terminal after a click, because the clicked button may disappear. */
  focus: () => void;
}

export function StatusLine(props: StatusLineProps) {
  const { client, state, notice, sizeHint, children, whenEnded, focus } = props;
  const { status, retryAt, closing, endsAt, canExtend, size, role, end, error, route } = state;
  const connected = status === "connected";
  const now = useNow(retryAt, connected ? closing?.at : null, connected ? endsAt : null);
  const thenFocus = (act: () => void) => () => {
    act();
    focus();
  };
  const why = reason(state, now);
  const latency = isStalled(state) ? null : state.latency;
  const first = why || (connected ? sizeHint : "");
  const lasting = first || (connected ? routeSentence(state) : "");
  // A notice is about what just happened. A slow round trip is told where nothing else is the matter.
  const passing = notice || (connected && !first && slowSentence(latency)) || "";
  const detail = passing || lasting;
  // One countdown at a time.
  const announced = connected && closing !== null && error === null;
  const idle = closing?.reason === "idle";
  const left = connected && endsAt !== null ? endsAt - now : null;
  return (
    <footer className="tg-status" data-asked={state.control.state === "asked" || undefined}>
      <span className="tg-dot" aria-hidden="true" />
      <span className="tg-state">{stateSentence(state, now)}</span>
      <Announcer state={state} />
      <span className="tg-hidden" aria-live="polite">
        {notice}
      </span>
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
      {end && <span className="tg-own">{whenEnded}</span>}
      <span
        className={announced && !notice ? "tg-detail tg-short" : "tg-detail"}
        title={detail}
        data-passing={passing !== "" || undefined}
      >
        {detail}
      </span>
      {passing !== "" && <span className="tg-lasting">{lasting}</span>}
      {error && !end && !isWaiting(state) && why !== "" && <Details state={state} />}
      <span className="tg-spring" />
      <RecordingBadge state={state} />
      <People {...{ client, state, focus }} raisesHand={props.raisesHand === true} />
      <Keyboard {...{ client, state, focus }} />
      {!mayType(state) && (
        <span className="tg-badge" title={heldSentence(state)}>
          Read-only
        </span>
      )}
      {left !== null && !announced && (
        <span className={left < LOW_TIME_MS ? "tg-left tg-short" : "tg-left"} title="Until the session's time is up">
          {duration(left)} left
        </span>
      )}
      {connected && role === "controller" && (idle || (canExtend && left !== null && left < EXTEND_BELOW_MS)) && (
        <button type="button" onClick={thenFocus(() => client.extend())}>
          {idle ? "Keep open" : "Extend"}
        </button>
      )}
      <span className="tg-own">{children}</span>
      {size && (
        <span className="tg-size" title="Columns × rows">
          {size.cols}×{size.rows}
        </span>
      )}
      <RoundTrip latency={latency} route={route} />
    </footer>
  );
}
