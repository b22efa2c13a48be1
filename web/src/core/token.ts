/**
 * Where a token comes from: known, or fetched anew for each connection, since it may have expired.
 */

/** The token itself, or where to get a fresh one for each attempt. */
export type TokenSource = string | (() => string | Promise<string>);

/** Hands the token to `then`, at once where it is there, or calls `failed`, later. */
export function obtain(source: TokenSource, then: (token: string) => void, failed: (why: unknown) => void): void {
  if (typeof source === "string") return then(source);
  const fetched = async () => source();
  fetched().then(then, failed);
}

/** Whether a JWT says that it is past its `exp` at `wall`, in ms since 1970. What cannot be read is for the service to judge. */
export function hasExpired(token: string, wall: number): boolean {
  /** Clocks may differ by this much. */
  const leewayMs = 10_000;
  try {
    const payload = token.split(".")[1] ?? "";
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof exp === "number" && exp * 1000 + leewayMs <= wall;
  } catch {
    return false;
  }
}
