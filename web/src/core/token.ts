/**
 * Tokens: fixed, or fetched for each connection, since they expire.
 */

/** The token, or a function that fetches a new one for each attempt. */
export type TokenSource = string | (() => string | Promise<string>);

/** The addresses and the token of a client, for requests to the service itself. */
export interface ServiceAccess {
  url: string;
  fallbackUrl: string | undefined;
  sessionId: string;
  /** A token that is valid now. */
  token(): Promise<string>;
}

export function accessOf(
  { url, fallbackUrl, sessionId }: Omit<ServiceAccess, "token">,
  source: TokenSource,
): ServiceAccess {
  return { url, fallbackUrl, sessionId, token: async () => (typeof source === "string" ? source : source()) };
}

/** Passes the token to `then`: at once if it is fixed. Calls `failed` later if fetching throws. */
export function obtainToken(source: TokenSource, then: (token: string) => void, failed: (why: unknown) => void): void {
  if (typeof source === "string") return then(source);
  const fetched = async () => source();
  fetched().then(then, failed);
}

/** Tolerated difference between clocks. */
const LEEWAY_MS = 10_000;

/** Claims of a token that explain a refusal; only the gateway and the service verify them. */
interface Claims {
  exp?: unknown;
  grp?: unknown;
  role?: unknown;
  sid?: unknown;
}

/** True if a JWT's `exp` has passed at `wall`, in ms since 1970; false if it cannot be decoded. */
export function hasExpired(token: string, wall: number): boolean {
  const { exp } = readClaims(token);
  return typeof exp === "number" && exp * 1000 + LEEWAY_MS <= wall;
}

/** True if a JWT lets its bearer watch sessions of others, and not start them; false if it cannot be decoded. */
export function onlyWatches(token: string): boolean {
  const { role } = readClaims(token);
  return role === "viewer" || role === "instructor";
}

/** The session that a JWT names, if it names one and can be decoded. */
export function namedSession(token: string): string | undefined {
  const { sid } = readClaims(token);
  return typeof sid === "string" ? sid : undefined;
}

/** The group, such as a class, that a JWT is for, if it is for one and can be decoded. */
export function namedGroup(token: string): string | undefined {
  const { grp } = readClaims(token);
  return typeof grp === "string" ? grp : undefined;
}

/** The payload of a JWT; empty if it cannot be decoded. */
function readClaims(token: string): Claims {
  try {
    const payload = token.split(".")[1] ?? "";
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    return {};
  }
}
