/**
 * Which session the page shows, where it connects, and with what token. The one file to replace when the platform that embeds
 * the terminal hands these out itself.
 */

/** What the terminal needs. */
export interface Access {
  sessionId: string;
  url: string;
  token?: string;
  getToken?: () => Promise<string>;
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
 * The session of the page's address (`?session=…`), or a new one that is written into it, so that a reload finds the same shell.
 * A token may be given behind `#token=…`, which browsers send to nobody; otherwise the development gateway makes one.
 */
export async function findAccess(): Promise<Access> {
  const here = new URL(window.location.href);
  const wanted = here.searchParams.get("session");
  const given = new URLSearchParams(here.hash.slice(1)).get("token");
  if (given) {
    const sessionId = wanted ?? newSessionId();
    remember(sessionId);
    return { sessionId, url: CONFIGURED_URL || socketUrl("/terminal", here), token: given };
  }
  if (CONFIGURED_URL) throw new Error("This page needs a token: open it with #token=… at the end of its address.");
  const first = await devToken(wanted);
  remember(first.sessionId);
  let fresh: DevToken | undefined = first;
  return {
    sessionId: first.sessionId,
    url: socketUrl(first.wsPath, here),
    // The first attempt takes the one that is there; later ones ask anew, since it may have expired.
    getToken: async () => {
      const { token } = fresh ?? (await devToken(first.sessionId));
      fresh = undefined;
      return token;
    },
  };
}

async function devToken(session: string | null): Promise<DevToken> {
  const query = session ? `?session=${encodeURIComponent(session)}` : "";
  const answer = await fetch(`/dev/token${query}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`No token: the address that served this page answered ${answer.status}.`);
  return (await answer.json()) as DevToken;
}

function socketUrl(path: string, here: URL): string {
  return new URL(path, here).href.replace(/^http/, "ws");
}

function newSessionId(): string {
  return `web-${crypto.randomUUID().slice(0, 13)}`;
}

function remember(sessionId: string): void {
  const here = new URL(window.location.href);
  if (here.searchParams.get("session") === sessionId) return;
  here.searchParams.set("session", sessionId);
  window.history.replaceState(null, "", here);
}
