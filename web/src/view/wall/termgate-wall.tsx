/**
 * The wall: all sessions of a class, live. A tile opens as a terminal in place, to watch.
 */

"use client";

import { type ReactNode, useRef, useState } from "react";
import { HelpOrder, type TokenSource, type WallClient } from "../../core/index.ts";
import { useTerminalApiGateway } from "../../react/index.ts";
import type { ThemeName } from "../../xterm/index.ts";
import { serviceAddress } from "../files/address.ts";
import { useThemeName } from "../media.ts";
import { TermgateTerminal } from "../termgate-terminal.tsx";
import { Announce } from "./announce.tsx";
import { HandOut } from "./hand-out.tsx";
import { Tile } from "./tile.tsx";
import { useSeconds, useVisibleTiles, useWallClient, useWallState } from "./use-wall.ts";
import { WALL_STYLE } from "./wall-style.ts";
import { matches } from "./words.ts";

/** Terminals that are open at a time, at most. */
const MAX_OPEN = 4;

export interface TermgateWallProps {
  /** `wss://…` of the API Gateway stage, or of a service that accepts WebSockets itself. */
  url: string;
  /** `https://…` of the service itself, which hands out files; by default that behind `url`, if this is its own `/terminal`. */
  fallbackUrl?: string | undefined;
  /** An instructor's token with a group and without a session, or a function that fetches one. */
  token: TokenSource;
  theme?: ThemeName | "system";
  /** Names the region for screen readers; "Class" by default. */
  label?: string;
  /** For a content security policy. */
  nonce?: string | undefined;
  /** Opens a session elsewhere; by default it opens here. */
  onOpen?: (sessionId: string) => void;
  /** More controls in the bar. */
  children?: ReactNode;
}

/** Fills its parent. */
export function TermgateWall(props: TermgateWallProps) {
  const { url, token, theme = "system", label = "Class", nonce } = props;
  const client = useWallClient({ url, token });
  const state = useWallState(client);
  const observe = useVisibleTiles(client);
  const now = useSeconds();
  const themeName = useThemeName(theme);
  const order = useRef(new HelpOrder()).current;
  const [search, setSearch] = useState("");
  const [held, setHeld] = useState({ pointer: false, focus: false });
  const [form, setForm] = useState<"announce" | "hand-out" | null>(null);
  const toggle = (which: "announce" | "hand-out") => () => setForm(form === which ? null : which);
  const service = serviceAddress({ url, fallbackUrl: props.fallbackUrl });
  const [opened, setOpened] = useState<readonly string[]>([]);
  const { sessions, screens } = client.model;

  const ids = order.sort(sessions, held.pointer || held.focus, now);
  const rows = ids.flatMap((id) => sessions.get(id) ?? []).filter((session) => matches(session, search));
  const hands = [...sessions.values()].filter(({ hand }) => hand !== undefined).length;
  const open = (id: string) =>
    props.onOpen ? props.onOpen(id) : setOpened((ids) => (ids.includes(id) ? ids : [...ids, id].slice(-MAX_OPEN)));
  const close = (id: string) => setOpened((ids) => ids.filter((other) => other !== id));
  return (
    <section className="tg-wall" aria-label={label} data-theme={themeName} data-status={state.status}>
      <style href="termgate-wall" precedence="termgate" nonce={nonce}>
        {WALL_STYLE}
      </style>
      <div className="tg-wall-bar">
        <input
          type="search"
          aria-label="Search"
          placeholder="Search by name"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <output>{statusOf(client, rows.length, hands)}</output>
        {state.status === "connected" && (
          <button type="button" aria-expanded={form === "announce"} onClick={toggle("announce")}>
            Message to everyone
          </button>
        )}
        {state.status === "connected" && service !== undefined && (
          <button type="button" aria-expanded={form === "hand-out"} onClick={toggle("hand-out")}>
            Hand out a file
          </button>
        )}
        {props.children}
      </div>
      {form === "announce" && <Announce client={client} onClose={() => setForm(null)} />}
      {form === "hand-out" && service !== undefined && (
        <HandOut {...{ service, token }} onClose={() => setForm(null)} />
      )}
      {opened.length > 0 && (
        <div className="tg-wall-opened">
          {opened.map((id) => (
            <OpenedTile
              key={id}
              {...{ url, token, id, theme, nonce }}
              name={sessions.get(id)?.name ?? id}
              onClose={close}
            />
          ))}
        </div>
      )}
      {state.status === "connected" && rows.length === 0 && (
        <p className="tg-wall-empty">{search ? "No student has this name" : "No student is here yet"}</p>
      )}
      <ul
        className="tg-wall-tiles"
        onPointerEnter={() => setHeld((held) => ({ ...held, pointer: true }))}
        onPointerLeave={() => setHeld((held) => ({ ...held, pointer: false }))}
        onFocus={() => setHeld((held) => ({ ...held, focus: true }))}
        onBlur={() => setHeld((held) => ({ ...held, focus: false }))}
      >
        {rows.map((session) => (
          <Tile key={session.id} {...{ session, now, observe }} screen={screens.get(session.id)} onOpen={open} />
        ))}
      </ul>
    </section>
  );
}

function statusOf(client: WallClient, shown: number, hands: number): string {
  const { status, problem } = client.state;
  if (status === "connecting") return "Connecting…";
  if (status === "reconnecting") return `Reconnecting… ${problem}`;
  if (status !== "connected") return problem || "Closed";
  const all = client.model.sessions.size;
  const count = shown === all ? `${all} ${all === 1 ? "student" : "students"}` : `${shown} of ${all} students`;
  return hands > 0 ? `${count}, ${hands} ${hands === 1 ? "hand" : "hands"} raised` : count;
}

interface OpenedTileProps {
  url: string;
  token: TokenSource;
  id: string;
  name: string;
  theme: ThemeName | "system";
  nonce: string | undefined;
  onClose: (id: string) => void;
}

/** A session as a viewer sees it. */
function OpenedTile({ url, token, id, name, theme, nonce, onClose }: OpenedTileProps) {
  const access = typeof token === "string" ? { token } : { getToken: async () => token() };
  const { client } = useTerminalApiGateway({ url, sessionId: id, ...access });
  return (
    <div>
      <header>
        <bdi className="tg-wall-name">{name}</bdi>
        <button type="button" onClick={() => onClose(id)}>
          Close<span className="tg-hidden"> {name}</span>
        </button>
      </header>
      <TermgateTerminal {...{ client, theme, nonce }} label={`Terminal of ${name}`} />
    </div>
  );
}
