/**
 * Provides sessions, their addresses and tokens. The one file to replace by a platform that provides these itself.
 */

import { namedGroup } from "../../src/index.ts";

/** Access to one session. */
export interface Access {
  sessionId: string;
  url: string;
  /** The service itself, where WebSockets are blocked. */
  fallbackUrl?: string;
  /** Either a token, or a function that fetches one for each connection. */
  token?: string;
  getToken?(): Promise<string>;
  /** Where a new shell starts; by default at home. */
  directory?: string;
  /** True in a class, where a student may raise a hand. */
  inClass?: boolean;
  /** Creates a link for others, who watch and may ask to type or not; absent if this page cannot. */
  share?(mayAsk: boolean): Promise<GuestLink>;
  /** Those who were removed for good; absent if this page cannot reach the service over HTTP. */
  removals?: Removals;
}

/** A person who was removed from a session, or all who have the same link. */
export interface Removed {
  /** A hash that names them. */
  member: string;
  /** Time until which they stay out, in seconds since 1970. */
  until: number;
}

export interface Removals {
  list(): Promise<readonly Removed[]>;
  letIn(member: string): Promise<void>;
}

/** A link with which others may watch a session and chat. */
export interface GuestLink {
  address: string;
  /** The name under which they chat. */
  name: string;
  /** End of the link, in ms since 1970. */
  expiresAt: number;
}

export interface SessionProvider {
  /** The session in the page's address. */
  requested: string | null;
  /** True if the page may open other sessions too. */
  multiple: boolean;
  /** Opens a session; null for a new one. */
  open(sessionId: string | null): Promise<Access>;
}

/** Set at build time; by default, the gateway has the same origin as the page. */
const CONFIGURED_URL = process.env.NEXT_PUBLIC_WS_URL;
/** Set at build time too; by default, the development gateway names it. */
const CONFIGURED_FALLBACK_URL = process.env.NEXT_PUBLIC_HTTP_URL;

/** The response of `GET /dev/token`. */
interface DevToken {
  token: string;
  /** Null for an instructor, whose token names none. */
  sessionId: string;
  wsPath: string;
  httpUrl: string | null;
  /** A guest's. */
  name: string | null;
  /** In ms since 1970. */
  expiresAt: number;
}

/** Where the browser keeps the key of the development gateway's start, for other tabs. */
const KEY_ITEM = "termgate-key";

/**
 * With `#token=…`, which browsers never send, the page shows one session, that of `?session=…`. Otherwise the
 * development gateway creates tokens for any number of sessions.
 */
export function findSessionProvider(): SessionProvider {
  // Another address was opened in this tab, of which only the secrets differ.
  window.addEventListener("hashchange", () => window.location.reload(), { once: true });
  const here = new URL(window.location.href);
  const requested = here.searchParams.get("session");
  const secrets = new URLSearchParams(here.hash.slice(1));
  const token = secrets.get("token");
  if (token) {
    const url = CONFIGURED_URL || socketOf(here, secrets.get("at") ?? "/terminal");
    const open = async (sessionId: string | null) => {
      const fallback = CONFIGURED_FALLBACK_URL && { fallbackUrl: CONFIGURED_FALLBACK_URL };
      const inClass = namedGroup(token) !== undefined;
      return { sessionId: sessionId ?? requested ?? newSessionId(), url, token, inClass, ...fallback };
    };
    return { requested, multiple: false, open };
  }
  if (CONFIGURED_URL) throw new Error("This page needs a token: open it with #token=… at the end of its address.");
  keepKey(secrets.get("key"), here);
  return { requested, multiple: true, open: (sessionId) => openWithDevToken(sessionId, here) };
}

/** Moves the key from the address, which people share, to the browser's memory. */
function keepKey(key: string | null, here: URL): void {
  if (!key) return;
  window.localStorage.setItem(KEY_ITEM, key);
  here.hash = "";
  window.history.replaceState(null, "", here);
}

async function openWithDevToken(requested: string | null, here: URL): Promise<Access> {
  const profile = here.searchParams.get("profile");
  const claims = profile ? { profile } : {};
  const first = await devToken(requested, "controller", claims);
  const { sessionId, wsPath, httpUrl } = first;
  let fresh: DevToken | undefined = first;
  return {
    sessionId,
    url: socketOf(here, wsPath),
    ...(httpUrl && { fallbackUrl: httpUrl, removals: removalsOf(httpUrl, sessionId) }),
    // The first connection uses the token that was just fetched; for later ones it may have expired.
    async getToken() {
      const { token } = fresh ?? (await devToken(sessionId, "controller", claims));
      fresh = undefined;
      return token;
    },
    async share(mayAsk) {
      const guest = await devToken(sessionId, "viewer", mayAsk ? { takeover: "ask" } : {});
      return {
        address: linkTo(here, "/", { session: sessionId }, guest),
        name: guest.name ?? "Guest",
        expiresAt: guest.expiresAt,
      };
    },
  };
}

/** Access to the recordings of a session. */
export interface RecordingAccess {
  url: string;
  sessionId: string;
  token: string;
  /** Start of one of them, in ms since 1970. */
  started?: number;
}

/** The recording that the page's address names: with its `#token=…`, or a token of the development gateway. */
export async function findRecording(): Promise<RecordingAccess> {
  window.addEventListener("hashchange", () => window.location.reload(), { once: true });
  const here = new URL(window.location.href);
  const sessionId = here.searchParams.get("session");
  if (!sessionId) throw new Error("This address names no session: add ?session=… to it.");
  const started = here.searchParams.get("started");
  const which = { sessionId, ...(started && { started: Number(started) }) };
  const secrets = new URLSearchParams(here.hash.slice(1));
  const token = secrets.get("token");
  if (token) return { ...which, token, url: CONFIGURED_FALLBACK_URL || here.origin };
  keepKey(secrets.get("key"), here);
  const dev = await devToken(sessionId);
  return { ...which, token: dev.token, url: CONFIGURED_FALLBACK_URL || dev.httpUrl || here.origin };
}

/** The service itself, which a link cannot name: that of the build, or that of the development gateway if this browser has its key. */
export async function findService(): Promise<string | undefined> {
  if (CONFIGURED_FALLBACK_URL) return CONFIGURED_FALLBACK_URL;
  if (!window.localStorage.getItem(KEY_ITEM)) return undefined;
  const dev = await devToken(null, "viewer").catch(() => undefined);
  return dev?.httpUrl ?? undefined;
}

/** Asks the service itself, as the session's owner. */
function removalsOf(service: string, sessionId: string): Removals {
  const ask = async (method: string, path: string) => {
    const { token } = await devToken(sessionId);
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${service.replace(/\/$/, "")}/api/sessions${path}`, { method, headers });
    if (!answer.ok) throw new Error(`The service answered ${answer.status}.`);
    return answer.json();
  };
  return {
    async list() {
      const { sessions } = (await ask("GET", "")) as { sessions: { sessionId: string; revoked: Removed[] }[] };
      return sessions.find((session) => session.sessionId === sessionId)?.revoked ?? [];
    },
    async letIn(member) {
      await ask("DELETE", `/${encodeURIComponent(sessionId)}/revoked/${encodeURIComponent(member)}`);
    },
  };
}

/** A link of a class. */
export interface ClassLink {
  /** The person that it is for. */
  name: string;
  address: string;
}

/** Creates the links of a class: the instructor's first. `profile` is that of its sessions; empty for none. */
export async function createClass(group: string, students: number, profile: string): Promise<ClassLink[]> {
  const here = new URL(window.location.href);
  keepKey(new URLSearchParams(here.hash.slice(1)).get("key"), here);
  const instructor = await devToken(null, "instructor", { grp: group, name: "Instructor" });
  const links = [{ name: "Instructor", address: linkTo(here, "/class", { class: group }, instructor) }];
  for (let number = 1; number <= students; number += 1) {
    const [session, name] = [`${group}-${number}-${crypto.randomUUID().slice(0, 8)}`, `Student ${number}`];
    const token = await devToken(session, "controller", { grp: group, name, ...(profile && { profile }) });
    links.push({ name, address: linkTo(here, "/", { session }, token) });
  }
  return links;
}

function linkTo(here: URL, path: string, query: Record<string, string>, { token, wsPath }: DevToken): string {
  const link = new URL(path, here);
  link.search = new URLSearchParams(query).toString();
  link.hash = new URLSearchParams({ token, at: wsPath }).toString();
  return link.href;
}

async function devToken(
  session: string | null,
  role = "controller",
  claims: Record<string, string> = {},
): Promise<DevToken> {
  const query = new URLSearchParams({ role, ...(session && { session }), ...claims });
  const authorization = `Bearer ${window.localStorage.getItem(KEY_ITEM) ?? ""}`;
  const answer = await fetch(`/dev/token?${query}`, { cache: "no-store", headers: { authorization } });
  if (answer.status === 401) throw new Error("Open the address that `make run` printed: it has the key of this start.");
  if (!answer.ok) throw new Error(`No token: the address that served this page answered ${answer.status}.`);
  return (await answer.json()) as DevToken;
}

/** Rejects another origin: a link must not send the user's keystrokes elsewhere. */
export function socketOf(here: URL, path: string): string {
  const url = new URL(path, here);
  if (url.origin !== here.origin) throw new Error("This link names another host and was rejected.");
  url.protocol = here.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function newSessionId(): string {
  return `web-${crypto.randomUUID().slice(0, 13)}`;
}
