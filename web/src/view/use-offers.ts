/**
 * The lines that a page offers, and what was typed of them and of the messages to the class.
 */

"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { TerminalClient, TypedLine } from "../core/index.ts";
import { checkOffer } from "./typable.ts";
import { useReset } from "./use-reset.ts";

/** Lines of a lesson that are offered at a time; an earlier one goes. */
export const MAX_OFFERS = 4;

/** A line that the page offers. */
export interface Offer {
  id: number;
  line: string;
}

interface Known {
  offers: readonly Offer[];
  /** Lines that were typed, by what offered them. They are not shown, and come back if the service refuses them. */
  typed: readonly { id: number | string; line: TypedLine }[];
}

const NOTHING: Known = { offers: [], typed: [] };

export interface OfferList {
  offers: readonly Offer[];
  /** Offers a line until the returned function is called; throws for one that the service would not type. */
  offer(line: string): () => void;
  takeBack(id: number): void;
  /** The line of this offer, or of this message to the class, was typed. */
  onTyped(id: number | string, line: TypedLine): void;
  isTyped(id: number | string): boolean;
}

export function useOffers(client: TerminalClient): OfferList {
  const [{ offers, typed }, know] = useState(NOTHING);
  const last = useRef(0);
  useReset(client, () => know(NOTHING));
  useEffect(() => {
    const stops = [
      client.onMessage((message) => {
        if (message.type !== "error" || message.seq === undefined) return;
        const { seq } = message;
        know((all) => ({ ...all, typed: all.typed.filter(({ line }) => line.seq !== seq) }));
      }),
      client.onNotice(({ kind }) => {
        // A line on its way to the last shell is lost with it, and what it did there as well.
        if (kind === "restarted") know((all) => ({ ...all, typed: [] }));
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [client]);
  const takeBack = useCallback(
    (id: number) => know((all) => ({ ...all, offers: all.offers.filter((offer) => offer.id !== id) })),
    [],
  );
  const offer = useCallback(
    (line: string) => {
      checkOffer(line);
      last.current += 1;
      const id = last.current;
      know((all) => ({ ...all, offers: roomIn(all, line).concat({ id, line }) }));
      return () => takeBack(id);
    },
    [takeBack],
  );
  const onTyped = (id: number | string, line: TypedLine) =>
    know((all) => ({ ...all, typed: [...all.typed, { id, line }] }));
  const isTyped = (id: number | string) => typed.some((one) => one.id === id);
  return { offers, offer, takeBack, onTyped, isTyped };
}

/** The offers beside a new one: not the same line again, and rather those that were typed go than others. */
function roomIn({ offers, typed }: Known, line: string): Offer[] {
  const others = offers.filter((offer) => offer.line !== line);
  const open = others.filter(({ id }) => !typed.some((one) => one.id === id));
  return (others.length < MAX_OFFERS ? others : open).slice(1 - MAX_OFFERS);
}
