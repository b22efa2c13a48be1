/**
 * Which sessions the page may show, where it connects, and with what token. The one file to replace when the platform that embeds
 * the terminal hands these out itself.
 */

/** What a terminal needs. */
export interface Access {
  sessionId: string;
  url: string;
  /** One of the two: a token, or where to get a fresh one for each connection. */
  token?: string;
  getToken?(): Promise<string>;
  /** A link under which others watch; absent where this page cannot make one. */
  share?(): Promise<string>;
}

/** What this page may do. */
export interface Door {
  /** The session of the page's address. */
  wanted: string | null;
  /** Whether it may open others than that. */
  several: boolean;
  /** Opens a session, or a new one. */
  open(sessionId: string | null): Promise<Access>;
}

/** Built in; without it, the address that served the page answers for everything. */
const CONFIGURED_URL = process.env.NEXT_PUBLIC_WS_URL;

/** What `GET /dev/token` answers. */
interface DevToken {
  token: string;
  sessionId: string;
  wsPath: string;
}

/**
 * A token may be given behind `#token=…`, which browsers send to nobody; with it the page shows one session, that of
 * `?session=…`. Otherwise the development gateway makes tokens for as many as one likes.
 */
export function findDoor(): Door {
  const here = new URL(window.location.href);
  const wanted = here.searchParams.get("session");
  const secrets = new URLSearchParams(here.hash.slice(1));
  const token = secrets.get("token");
  if (token) {
    const url = CONFIGURED_URL || socketOf(here, secrets.get("at") ?? "/terminal");
    const open = async (sessionId: string | null) => {
      return { sessionId: sessionId ?? wanted ?? newSessionId(), url, token };
    };
    return { wanted, several: false, open };
  }
  if (CONFIGURED_URL) throw new Error("This page needs a token: open it with #token=… at the end of its address.");
  return { wanted, several: true, open: (sessionId) => openWithDevToken(sessionId, here) };
}

async function openWithDevToken(wanted: string | null, here: URL): Promise<Access> {
  const first = await devToken(wanted);
  const { sessionId, wsPath } = first;
  let fresh: DevToken | undefined = first;
  return {
    sessionId,
    url: socketOf(here, wsPath),
    // The first attempt takes the one that is there; later ones ask anew, since it may have expired.
    async getToken() {
      const { token } = fresh ?? (await devToken(sessionId));
      fresh = undefined;
      return token;
    },
    async share() {
      const { token } = await devToken(sessionId, "viewer");
      const link = new URL("/", here);
      link.searchParams.set("session", sessionId);
      link.hash = new URLSearchParams({ token, at: wsPath }).toString();
      return link.href;
    },
  };
}

async function devToken(session: string | null, role = "controller"): Promise<DevToken> {
  const query = new URLSearchParams({ role, ...(session && { session }) });
  const answer = await fetch(`/dev/token?${query}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`No token: the address that served this page answered ${answer.status}.`);
  return (await answer.json()) as DevToken;
}

/** Never another host than the page's: a link must not take people's keys elsewhere. */
function socketOf(here: URL, path: string): string {
  const url = new URL(path, here);
  if (url.origin !== here.origin) throw new Error("This link names another host, and is not followed.");
  url.protocol = here.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function newSessionId(): string {
  return `web-${crypto.randomUUID().slice(0, 13)}`;
}
