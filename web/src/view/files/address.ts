/**
 * Where the files of a session are. Apart from the requests, which are loaded with the first of them.
 */

import type { ServiceAccess } from "../../core/index.ts";

/** The address of the service's files; undefined where the page knows none. */
export function filesAddress({ url, fallbackUrl, sessionId }: Omit<ServiceAccess, "token">): string | undefined {
  const base = fallbackUrl ?? ownService(url);
  if (base === undefined || !URL.canParse(base)) return undefined;
  return `${base.replace(/\/+$/, "")}/api/sessions/${encodeURIComponent(sessionId)}/files`;
}

/** The service behind its own WebSocket, whose path is `/terminal`; a gateway has the name of a stage there. */
function ownService(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const path = url && /^(.*)\/terminal\/?$/.exec(url.pathname)?.[1];
  if (!url || path === undefined) return undefined;
  return `${url.protocol === "wss:" ? "https:" : "http:"}//${url.host}${path}`;
}
