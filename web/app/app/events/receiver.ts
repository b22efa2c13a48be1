/**
 * Asks the receiver on this machine for its events, and says in words what each is about. Apart from the page, so that
 * it is tested without one.
 */

/** Where the receiver is, and the key to read there. */
export interface Receiver {
  port: number;
  key: string;
}

/** An event, in words. */
export interface PlatformEvent {
  id: string;
  /** In ms since 1970. */
  at: number;
  type: string;
  session: string;
  user: string;
  what: string;
}

/** The receiver of `#at=3002&read=…`, which browsers never send; null if the address names none. */
export function receiverOf(hash: string): Receiver | null {
  const secrets = new URLSearchParams(hash.slice(1));
  const [port, key] = [Number(secrets.get("at")), secrets.get("read")];
  return key && Number.isInteger(port) && port > 0 && port < 65_536 ? { port, key } : null;
}

/** The latest events first. */
export async function recentEvents({ port, key }: Receiver, signal: AbortSignal): Promise<PlatformEvent[]> {
  const headers = { authorization: `Bearer ${key}` };
  // Another machine's receiver would get the key of this address.
  const answer = await fetch(`http://127.0.0.1:${port}/events`, { headers, signal }).catch(() => {
    throw new Error("The receiver does not answer: does `make run` still run?");
  });
  if (answer.status === 401) throw new Error("The receiver was started anew: open the address that it printed last.");
  if (!answer.ok) throw new Error(`The receiver answered ${answer.status}.`);
  const found: unknown = await answer.json();
  return Array.isArray(found) ? found.map(inWords) : [];
}

function inWords({ id, event }: { id: string; event: Record<string, unknown> }): PlatformEvent {
  const { at, type, session, user, data } = event;
  const what = whatOf(String(type), (data ?? {}) as Record<string, unknown>);
  return { id, at: Number(at), type: String(type), session: String(session), user: String(user ?? ""), what };
}

function whatOf(type: string, data: Record<string, unknown>): string {
  switch (type) {
    case "session.started":
      return data.after ? `again, after ${data.after}` : "";
    case "session.ended":
      return `because: ${data.reason}`;
    case "command.finished": {
      const line = data.hidden ? "a hidden command" : (data.line ?? `command ${data.number}`);
      const seconds = (Number(data.ended) - Number(data.began)) / 1000;
      return `${line}: exit code ${data.exitCode ?? "unknown"}, after ${seconds.toFixed(1)} s`;
    }
    case "check.done":
      return `${data.outcome}, as the ${data.as}${data.reason ? `: ${data.reason}` : ""}`;
    case "gap":
      return `${data.count} events are missing`;
    default:
      return "";
  }
}
