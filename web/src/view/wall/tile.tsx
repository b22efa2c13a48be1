/**
 * One tile of the wall: name, notes and screen. Its button opens it, for keyboards and screen readers too.
 */

"use client";

import { useEffect, useRef } from "react";
import type { WallScreen, WallSession } from "../../core/index.ts";
import { ScreenView } from "./screen-view.ts";
import { noteOf } from "./words.ts";

interface TileProps {
  session: WallSession;
  screen: WallScreen | undefined;
  now: number;
  onOpen: ((id: string) => void) | undefined;
  /** Reports whether the tile is in view. */
  observe: (element: Element, id: string) => () => void;
}

export function Tile({ session, screen, now, onOpen, observe }: TileProps) {
  const { id, name, title, state, command } = session;
  const root = useRef<HTMLLIElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<ScreenView | null>(null);
  useEffect(() => (root.current ? observe(root.current, id) : undefined), [observe, id]);
  useEffect(() => {
    if (!screen || !host.current) return;
    view.current ??= new ScreenView(host.current);
    view.current.show(screen);
  }, [screen]);
  const note = noteOf(session, screen, now);
  const urgent = session.hand !== undefined ? "hand" : session.exitCode ? "failed" : undefined;
  return (
    <li ref={root} className="tg-wall-tile" data-state={state} data-urgent={urgent}>
      <section aria-label={`${name}${note && `, ${note}`}`}>
        <header>
          <bdi className="tg-wall-name">{name}</bdi>
          <bdi className="tg-wall-title">{title}</bdi>
          {onOpen && state !== "not_started" && (
            <button type="button" onClick={() => onOpen(id)}>
              Open<span className="tg-hidden"> {name}</span>
            </button>
          )}
        </header>
        <div className="tg-wall-stage">
          <div ref={host} className="tg-wall-screen" />
        </div>
        {command && (
          <p className="tg-wall-command">
            <bdi>{command}</bdi>
          </p>
        )}
        <p className="tg-wall-note">{note}</p>
      </section>
    </li>
  );
}
