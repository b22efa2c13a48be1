/**
 * Requests for files of a session to the service itself: the same address as for pages without WebSockets, or that of the
 * WebSocket where this leads to the service. The token goes in a header, never in an address.
 */

import { namedGroup, type ServiceAccess } from "../../core/index.ts";
import { filesAddress } from "./address.ts";
import { Content } from "./content.ts";
import { DIGEST_BYTES, DigestAtEnd, digestField, digestOf, hexOf, startDigest } from "./digest.ts";
import {
  MAX_FILE_BYTES,
  type Place,
  type Progress,
  type StoredFile,
  type TakenFile,
  TransferError,
} from "./transfer.ts";

/** The service cannot be reached from this page, and nothing has passed. */
export class UnreachableError extends TransferError {
  override name = "UnreachableError";

  constructor(cause?: unknown) {
    super("the service cannot be reached from this page", { cause });
  }
}

/** Brings a file to the shell. */
export async function upload(
  access: ServiceAccess,
  file: File,
  progress: Progress,
  signal: AbortSignal,
  place: Place = {},
): Promise<StoredFile> {
  const address = addressOf(access);
  if (file.size > MAX_FILE_BYTES) throw new TransferError("it is larger than 256 MB");
  const digest = await digestOf(file, signal).catch((error) => {
    signal.throwIfAborted();
    throw new TransferError("the browser cannot read it", { cause: error });
  });
  const token = await access.token();
  signal.throwIfAborted();
  // `fetch` tells nothing of how much of a body is sent.
  const request = new XMLHttpRequest();
  const fields = Object.entries({ name: file.name, ...place });
  const query = fields.map(([field, value]) => `${field}=${encodeURIComponent(value)}`).join("&");
  request.open("PUT", `${address}?${query}`);
  request.setRequestHeader("authorization", `Bearer ${token}`);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.setRequestHeader("content-digest", digestField(digest));
  let passed = 0;
  request.upload.onprogress = ({ loaded, total }) => {
    passed = loaded;
    progress(total > 0 ? loaded / total : undefined);
  };
  const abort = () => request.abort();
  signal.addEventListener("abort", abort);
  const done = new Promise<string>((resolve, reject) => {
    request.onload = () =>
      request.status === 201 ? resolve(request.responseText) : reject(refusal(request.status, request.responseText));
    request.onerror = () => reject(passed > 0 ? new TransferError(BROKEN) : new UnreachableError());
    request.onabort = () => reject(signal.reason);
  });
  request.send(file);
  try {
    const stored = JSON.parse(await done);
    if (stored.sha256 !== hexOf(digest)) throw new TransferError("it is not what was sent");
    return { name: String(stored.name), directory: String(stored.directory) };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Takes a file, or a directory as an archive, from the session. */
export async function download(
  access: ServiceAccess,
  path: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenFile> {
  const address = addressOf(access);
  const headers = { authorization: `Bearer ${await access.token()}` };
  const options = { headers, signal, credentials: "omit", cache: "no-store" } as const;
  const asked = `${address}?path=${encodeURIComponent(path)}&digest=end`;
  const answer = await fetch(asked, options).catch((error) => {
    signal.throwIfAborted();
    throw new UnreachableError(error);
  });
  if (!answer.ok) throw refusal(answer.status, await answer.text());
  const isArchive = answer.headers.get("content-type") === "application/x-tar";
  const expected = answer.headers.get("content-digest");
  if (expected === null && !isArchive) {
    await answer.body?.cancel();
    throw new TransferError("it cannot be checked: the service's digest did not arrive");
  }
  const total = Number(answer.headers.get("content-length")) || undefined;
  // An archive is made while it is sent: its digest is behind it.
  const digest = isArchive ? new DigestAtEnd() : startDigest();
  const content = new Content();
  const reader = answer.body?.getReader();
  for (;;) {
    const piece = await reader?.read().catch((error) => {
      signal.throwIfAborted();
      throw new TransferError(BROKEN, { cause: error });
    });
    if (!piece || piece.done) break;
    content.add(piece.value);
    // An archive has headers beside its files.
    if (content.size > 2 * MAX_FILE_BYTES) throw new TransferError("it is too large");
    digest.update(piece.value);
    progress(total === undefined ? undefined : Math.min(content.size / total, 1));
  }
  const isRight = digest instanceof DigestAtEnd ? digest.isRight() : digestField(digest.digest()) === expected;
  if (!isRight) throw new TransferError("it is incomplete or changed on the way: try again");
  return { content: content.blob(isArchive ? DIGEST_BYTES : 0), isArchive };
}

/** Largest file that the service hands out, in bytes. */
const MAX_HAND_OUT_BYTES = 8 * 1024 * 1024;

/** Hands a file to every student of the token's class; returns how many have it and how many do not. */
export async function handOut(
  service: string,
  token: string,
  file: File,
): Promise<{ reached: number; missed: number }> {
  if (file.size > MAX_HAND_OUT_BYTES) throw new TransferError("it is larger than 8 MB");
  const group = encodeURIComponent(namedGroup(token) ?? "");
  const address = `${service}/api/groups/${group}/files?name=${encodeURIComponent(file.name)}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" };
  const options = { method: "POST", headers, body: file, credentials: "omit", cache: "no-store" } as const;
  const answer = await fetch(address, options).catch((error) => {
    throw new UnreachableError(error);
  });
  if (!answer.ok) throw refusal(answer.status, await answer.text());
  const { reached, missed } = await answer.json();
  return { reached: Number(reached), missed: Number(missed) };
}

const BROKEN = "the connection was lost before its end";

function addressOf(access: ServiceAccess): string {
  const address = filesAddress(access);
  if (address === undefined) throw new UnreachableError();
  return address;
}

/** The sentence of the service; of a proxy, there is only the status. */
function refusal(status: number, body: string): TransferError {
  try {
    const { error } = JSON.parse(body);
    if (typeof error === "string") return new TransferError(error);
  } catch {
    // Not of the service.
  }
  return new TransferError(`the address of the service answered ${status}`);
}
