/**
 * The way of a file: an HTTP request to the service where this page reaches it, which is quicker; otherwise messages
 * of the terminal's own connection.
 */

import type { TerminalClient } from "../../core/index.ts";
import { filesAddress } from "./address.ts";
import * as messages from "./messages.ts";
import * as service from "./service.ts";
import type { Place, Progress, StoredFile, TakenFile } from "./transfer.ts";

/** Time for which a service that could not be reached is not tried again. */
const UNREACHABLE_FOR_MS = 300_000;

/** The end of that time, by client. */
const unreachable = new WeakMap<TerminalClient, number>();

/** Brings a file to the shell. */
export function upload(
  client: TerminalClient,
  file: File,
  progress: Progress,
  signal: AbortSignal,
  place?: Place,
): Promise<StoredFile> {
  return choose(
    client,
    () => service.upload(client.access, file, progress, signal, place),
    () => messages.upload(client, file, progress, signal, place),
  );
}

/** Takes a file, or a directory as an archive, from the session. */
export function download(
  client: TerminalClient,
  path: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenFile> {
  return choose(
    client,
    () => service.download(client.access, path, progress, signal),
    () => messages.download(client, path, progress, signal),
  );
}

async function choose<T>(client: TerminalClient, quick: () => Promise<T>, sure: () => Promise<T>): Promise<T> {
  if (filesAddress(client.access) === undefined || performance.now() < (unreachable.get(client) ?? 0)) return sure();
  try {
    return await quick();
  } catch (error) {
    if (!(error instanceof service.UnreachableError)) throw error;
    unreachable.set(client, performance.now() + UNREACHABLE_FOR_MS);
    return sure();
  }
}
