/**
 * Where the files of sessions are. Apart from the requests, which are loaded with the first of them.
 */

import type { ServiceAccess } from "../../core/index.ts";

/** The address of a session's files; undefined where the page does not know the service. */
export function filesAddress(access: Omit<ServiceAccess, "token">): string | undefined {
  const service = serviceAddress(access);
  return service && `${service}/api/sessions/${encodeURIComponent(access.sessionId)}/files`;
}

/** The address of the service itself, without a slash at its end. */
export function serviceAddress({ url, fallbackUrl }: Pick<ServiceAccess, "url" | "fallbackUrl">): string | undefined {
  const base = fallbackUrl ?? ownService(url);
  return base !== undefined && URL.canParse(base) ? base.replace(/\/+$/, "") : undefined;
}

/** The service behind its own WebSocket, whose path is `/terminal`; a gateway has the name of a stage there. */
function ownService(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const path = url && /^(.*)\/terminal\/?$/.exec(url.pathname)?.[1];
  if (!url || path === undefined) return undefined;
  return `${url.protocol === "wss:" ? "https:" : "http:"}//${url.host}${path}`;
}
