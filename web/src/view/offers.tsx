/**
 * Offers to the person at the terminal: an instructor's messages to the class, and lines of the page's lesson. A click
 * types such a line at the prompt; the person presses Enter.
 */

"use client";

import { type MouseEvent, useRef } from "react";
import { mayType, type TerminalClient, type TerminalState, type TypedLine } from "../core/index.ts";
import { copyText } from "../xterm/index.ts";
import { timeOfDay } from "./time-of-day.ts";
import type { OfferList } from "./use-offers.ts";

/** A click this soon after the list changed was meant for what was there before, in ms. */
const SETTLE_MS = 500;

interface OffersProps {
  client: TerminalClient;
  state: TerminalState;
  list: OfferList;
  /** Says something in the status line. */
  say: (text: string) => void;
  /** Focuses the terminal, where Enter is pressed. */
  focus: () => void;
}

/** Over the terminal's upper edge, the latest first. Always there, so that a screen reader hears what comes. */
export function Offers({ client, state, list, say, focus }: OffersProps) {
  const isThere = ({ id }: { id: number | string }) => !list.isTyped(id);
  const shown = {
    offers: list.offers.filter(isThere).reverse(),
    announcements: state.announcements.filter(isThere).reverse(),
  };
  const since = useSince([...shown.offers, ...shown.announcements].map(({ id }) => id).join(" "));
  const line = (id: number | string, text: string) => (
    <OfferedLine
      {...{ client, state, say, since }}
      line={text}
      onTyped={(line) => {
        list.onTyped(id, line);
        focus();
      }}
    />
  );
  return (
    <div className="tg-offers" aria-live="polite">
      {shown.offers.map((offer) => (
        <article key={offer.id} className="tg-offered">
          <header>
            <b>From the lesson</b>
            {dismiss("Dismiss the offer", () => list.takeBack(offer.id))}
          </header>
          {line(offer.id, offer.line)}
        </article>
      ))}
      {shown.announcements.map(({ id, from, text, line: offered, at }) => (
        <article key={id} className="tg-offered">
          <header>
            <b>
              <bdi>{from}</bdi>
            </b>{" "}
            to everyone, {timeOfDay(at)}
            {dismiss("Dismiss the message", () => client.dismiss(id))}
          </header>
          <p>
            <bdi>{text}</bdi>
          </p>
          {offered !== undefined && line(id, offered)}
        </article>
      ))}
    </div>
  );
}

function dismiss(label: string, act: () => void) {
  return (
    <button type="button" aria-label={label} onClick={act}>
      ✕
    </button>
  );
}

interface OfferedLineProps {
  client: TerminalClient;
  state: TerminalState;
  line: string;
  /** Time since which the line is where it is, as `now`. */
  since: () => number;
  say: (text: string) => void;
  onTyped: (line: TypedLine) => void;
}

/** A line, whole, with what to do with it. */
export function OfferedLine({ client, state, line, since, say, onTyped }: OfferedLineProps) {
  const allowed = mayType(state) && state.status === "connected";
  const type = ({ nativeEvent }: MouseEvent) => {
    const typed = isMeant(nativeEvent, since(), now()) ? client.typeLine(line) : undefined;
    if (typed) onTyped(typed);
  };
  return (
    <div className="tg-line">
      <code dir="ltr">{line}</code>
      <button
        type="button"
        className="tg-primary"
        disabled={!allowed}
        title={allowed ? "Types the line at the prompt; you press Enter" : "You may not type now"}
        onClick={type}
      >
        Type it
      </button>
      <button
        type="button"
        onClick={async () => say((await copyText(line)) ? "Copied" : "The browser refused to copy")}
      >
        Copy
      </button>
    </div>
  );
}

/** Time since which what is under the pointer is this, as `now`. */
export function useSince(what: string): () => number {
  const changed = useRef({ what: "", at: Number.POSITIVE_INFINITY });
  if (changed.current.what !== what) changed.current = { what, at: now() };
  return () => changed.current.at;
}

/** True for a person's click on what was there for a moment: no script types, and nothing slips under a finger. */
export function isMeant(event: { isTrusted: boolean }, since: number, at: number): boolean {
  return event.isTrusted && at - since >= SETTLE_MS;
}

function now(): number {
  return typeof performance === "undefined" ? 0 : performance.now();
}
