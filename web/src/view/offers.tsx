/**
 * What others offer the person at the terminal: an instructor's messages to the class, and lines of the page's lesson. A click
 * types such a line at the prompt; the person presses Enter.
 */

"use client";

import { type MouseEvent, useEffect, useRef, useState } from "react";
import { mayType, type TerminalClient, type TerminalState } from "../core/index.ts";
import { copyText } from "../xterm/index.ts";
import { refusalOf } from "./words.ts";

/** A click this soon after the list changed was meant for what was there before, in ms. */
const SETTLE_MS = 500;

/** A line that the page offers. */
export interface Offer {
  id: number;
  line: string;
}

interface OffersProps {
  client: TerminalClient;
  state: TerminalState;
  offers: readonly Offer[];
  /** Takes an offer of the page away. */
  onDone: (id: number) => void;
  /** Says something in the status line. */
  say: (text: string) => void;
  /** Focuses the terminal, where Enter is pressed. */
  focus: () => void;
}

/** Over the terminal's upper edge, the latest first. Always there, so that a screen reader hears what comes. */
export function Offers({ client, state, offers, onDone, say, focus }: OffersProps) {
  // A line that was typed goes, and comes back if the service refuses it.
  const [typed, setTyped] = useState<readonly string[]>([]);
  useEffect(
    () => client.onMessage((message) => refusalOf(message) !== "" && setTyped((ids) => ids.slice(0, -1))),
    [client],
  );
  const isThere = ({ id }: { id: number | string }) => !typed.includes(`${id}`);
  const shown = {
    offers: offers.filter(isThere).reverse(),
    announcements: state.announcements.filter(isThere).reverse(),
  };
  const changed = useRef({ key: "", at: 0 });
  const key = [...shown.offers, ...shown.announcements].map(({ id }) => id).join(" ");
  if (changed.current.key !== key) changed.current = { key, at: now() };
  const line = (id: number | string, text: string) => (
    <OfferedLine
      {...{ client, state, say }}
      line={text}
      since={() => changed.current.at}
      onTyped={() => {
        setTyped((ids) => [...ids, `${id}`]);
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
            {dismiss("Dismiss the offer", () => onDone(offer.id))}
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
            to everyone, {new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}
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
  onTyped: () => void;
}

/** A line, whole, with what to do with it. */
export function OfferedLine({ client, state, line, since, say, onTyped }: OfferedLineProps) {
  const allowed = mayType(state) && state.status === "connected";
  const type = ({ nativeEvent }: MouseEvent) => {
    if (isMeant(nativeEvent, since(), now()) && client.typeLine(line)) onTyped();
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

/** True for a person's click on what was there for a moment: no script types, and nothing slips under a finger. */
export function isMeant(event: { isTrusted: boolean }, since: number, at: number): boolean {
  return event.isTrusted && at - since >= SETTLE_MS;
}

function now(): number {
  return typeof performance === "undefined" ? 0 : performance.now();
}
