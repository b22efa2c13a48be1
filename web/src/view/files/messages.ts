/**
 * Files in messages of the terminal's own connection, for pages that do not reach the service. One message of all
 * transfers is on its way at a time, so that a key waits behind one at most. Each is repeated until it is answered, and
 * names its place in the file, so that the transfer goes on over the next connection.
 */

import type { FileMessage, TerminalClient, TerminalMessage } from "../../core/index.ts";
import { fromBase64, toBase64 } from "../../protocol/bytes.ts";
import { FILE_PART_BYTES } from "../../protocol/generated.ts";
import { Content } from "./content.ts";
import { digestOf, hexOf, startDigest } from "./digest.ts";
import {
  MAX_FILE_BYTES,
  type Place,
  type Progress,
  type StoredFile,
  type TakenFile,
  TransferError,
} from "./transfer.ts";

/** Delay from a message to its repeat. */
const REPEAT_MS = 1500;
/** Time without an answer after which a transfer fails; the service waits as long. */
const PATIENCE_MS = 60_000;
/** Least time between two messages. */
const PACE_MS = 25;
/** Least time between two messages after keys, so that their echoes come first. */
const TYPING_PACE_MS = 150;

/** Brings a file to the shell. */
export async function upload(
  client: TerminalClient,
  file: File,
  progress: Progress,
  signal: AbortSignal,
  place: Place = {},
): Promise<StoredFile> {
  if (file.size > MAX_FILE_BYTES) throw new TransferError("it is larger than 256 MB");
  const unreadable = (error: unknown) => {
    signal.throwIfAborted();
    throw new TransferError("the browser cannot read it", { cause: error });
  };
  const sha256 = hexOf(await digestOf(file, signal).catch(unreadable));
  return transfer(client, signal, async (id, exchange) => {
    let message: FileMessage = { type: "upload", id, name: file.name, ...place, bytes: file.size, sha256 };
    for (let at = -1; ; ) {
      const answer = await exchange(message, (frame) =>
        frame.type === "stored" || (frame.type === "transfer" && frame.next > at) ? frame : undefined,
      );
      if (answer.type === "stored") {
        if (answer.sha256 !== sha256) throw new TransferError("it is not what was sent");
        return { name: answer.name, directory: answer.directory };
      }
      at = answer.next;
      progress(file.size > 0 ? at / file.size : undefined);
      const part = await file
        .slice(at, at + FILE_PART_BYTES)
        .arrayBuffer()
        .catch(unreadable);
      message = { type: "upload_part", id, at, b64: toBase64(new Uint8Array(part)) };
    }
  });
}

/** Takes a file, or a directory as an archive, from the session. */
export async function download(
  client: TerminalClient,
  path: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenFile> {
  return transfer(client, signal, async (id, exchange) => {
    const begun = await exchange({ type: "download", id, path }, (frame) =>
      frame.type === "transfer" ? frame : undefined,
    );
    const digest = startDigest();
    const content = new Content();
    for (;;) {
      const at = content.size;
      const part = await exchange({ type: "download_part", id, at }, (frame) =>
        frame.type === "file_part" && frame.at === at ? frame : undefined,
      );
      const piece = fromBase64(part.b64);
      if (!piece || (piece.length === 0 && part.sha256 === undefined)) throw new TransferError("it cannot be read");
      content.add(piece);
      // An archive has headers beside its files.
      if (content.size > 2 * MAX_FILE_BYTES) throw new TransferError("it is too large");
      digest.update(piece);
      progress(begun.bytes ? Math.min(content.size / begun.bytes, 1) : undefined);
      if (part.sha256 === undefined) continue;
      if (part.sha256 !== hexOf(digest.digest())) throw new TransferError("it changed on the way: try again");
      return { content: content.blob(), isArchive: begun.archive === true };
    }
  });
}

type Answer<T> = (frame: TerminalMessage) => T | undefined;
type Exchange = <T>(message: FileMessage, answer: Answer<T>) => Promise<T>;

/** Gives a transfer its id, and tells the service if it ends early. */
async function transfer<T>(
  client: TerminalClient,
  signal: AbortSignal,
  work: (id: string, exchange: Exchange) => Promise<T>,
): Promise<T> {
  const id = hexOf(crypto.getRandomValues(new Uint8Array(16)));
  try {
    return await work(id, (message, answer) => inTurn(client, () => ask(client, message, answer, signal)));
  } catch (error) {
    // It may be lost: the service ends a silent transfer by itself.
    client.sendAboutFile({ type: "cancel_transfer", id });
    throw error;
  }
}

/** By client: the end of the message before, and the length of all input at that time. */
const turns = new WeakMap<TerminalClient, { over: Promise<unknown>; typed: number }>();

/** Waits for the messages of other transfers, and for the echoes of keys. */
function inTurn<T>(client: TerminalClient, act: () => Promise<T>): Promise<T> {
  const before = turns.get(client) ?? { over: Promise.resolve(), typed: client.inputLength };
  const turn = { ...before };
  const mine = before.over.then(async () => {
    const paceMs = client.inputLength === before.typed ? PACE_MS : TYPING_PACE_MS;
    await new Promise((resolve) => setTimeout(resolve, paceMs));
    turn.typed = client.inputLength;
    return act();
  });
  turn.over = mine.catch(() => undefined);
  turns.set(client, turn);
  return mine;
}

/** Sends a message until `answer` returns a value for a frame. */
function ask<T>(client: TerminalClient, message: FileMessage, answer: Answer<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const cleanup: (() => void)[] = [];
    const end = (act: () => void) => {
      for (const clean of cleanup.splice(0)) clean();
      act();
    };
    const fail = (text: string) => end(() => reject(new TransferError(text)));
    const abort = () => end(() => reject(signal.reason));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    let status = client.state.status;
    const send = () => client.sendAboutFile(message);
    const repeat = setInterval(send, REPEAT_MS);
    const patience = setTimeout(() => fail("the service does not answer"), PATIENCE_MS);
    cleanup.push(
      () => signal.removeEventListener("abort", abort),
      () => clearInterval(repeat),
      () => clearTimeout(patience),
      client.onMessage((frame) => {
        if (frame.type === "unknown_command" && frame.received === message.type) {
          return fail("the service is too old for files over this connection");
        }
        if (!("id" in frame) || frame.id !== message.id) return;
        if (frame.type === "transfer_failed") return fail(frame.message);
        const found = answer(frame);
        if (found !== undefined) end(() => resolve(found));
      }),
      client.subscribe(() => {
        const { status: now, end: over } = client.state;
        if (over) return fail("the session has ended");
        if (now === "connected" && status !== now) send();
        status = now;
      }),
    );
    send();
  });
}
