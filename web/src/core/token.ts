/**
 * Where a token comes from: known, or fetched anew for each connection, since it may have expired.
 */

/** The token itself, or where to get a fresh one for each attempt. */
export type TokenSource = string | (() => string | Promise<string>);

/** Hands the token to `then`, at once where it is there, or calls `failed`, later. */
export function obtain(source: TokenSource, then: (token: string) => void, failed: () => void): void {
  if (typeof source === "string") return then(source);
  const fetched = async () => source();
  fetched().then(then, failed);
}
