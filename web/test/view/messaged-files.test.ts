/**
 * Files in messages of the terminal's connection: what is sent, when it is sent again, and which way a file takes.
 */

import { Blob as NodeBlob, File as NodeFile } from "node:buffer";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FileMessage, TerminalClient, TerminalMessage } from "../../src/core/index.ts";
import { FILE_PART_BYTES } from "../../src/protocol/generated.ts";
import { download, upload } from "../../src/view/files/messages.ts";
import * as ways from "../../src/view/files/ways.ts";

const hex = (content: Uint8Array | string) => createHash("sha256").update(content).digest("hex");
const signal = new AbortController().signal;
const quiet = () => {};

/** A client whose service the test plays: `answer` gets each message that arrives, and returns the frame for it. */
class FakeClient {
  readonly sent: FileMessage[] = [];
  readonly access = { url: "wss://gateway.example/prod", sessionId: "s", token: async () => "jwt" };
  inputLength = 0;
  state = { status: "connected", end: null as unknown };
  #listeners = new Set<(frame: TerminalMessage) => void>();
  #subscribers = new Set<() => void>();
  answer: (message: FileMessage) => object | undefined = () => undefined;

  sendAboutFile(message: FileMessage): boolean {
    if (this.state.status !== "connected") return false;
    this.sent.push(message);
    const frame = this.answer(message);
    if (frame) queueMicrotask(() => this.tell(frame));
    return true;
  }
  onMessage(listener: (frame: TerminalMessage) => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  subscribe(listener: () => void) {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }
  tell(frame: object) {
    for (const listener of this.#listeners) listener(frame as TerminalMessage);
  }
  change(state: Partial<FakeClient["state"]>) {
    this.state = { ...this.state, ...state };
    for (const subscriber of this.#subscribers) subscriber();
  }
  get asClient() {
    return this as unknown as TerminalClient;
  }
}

/** A service that writes one file as the protocol says. */
function writer(client: FakeClient) {
  const written: Buffer[] = [];
  const length = () => written.reduce((sum, part) => sum + part.length, 0);
  let bytes = 0;
  client.answer = (message) => {
    const { id } = message;
    if (message.type === "upload") bytes = message.bytes;
    if (message.type === "upload_part" && message.at === length()) written.push(Buffer.from(message.b64, "base64"));
    if (message.type === "cancel_transfer") return undefined;
    const content = Buffer.concat(written);
    if (length() < bytes) return { type: "transfer", id, next: length(), bytes };
    return { type: "stored", id, name: "a (1)", directory: "~", bytes, sha256: hex(content) };
  };
  return () => Buffer.concat(written);
}

beforeEach(() => {
  vi.stubGlobal("Blob", NodeBlob);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Advances time until `isDone`, for 2 min at most. Each step lets the reading of files go on in real time. */
async function until(isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 12_000 && !isDone(); step += 1) {
    await vi.advanceTimersByTimeAsync(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(isDone()).toBe(true);
}

async function done<T>(work: Promise<T>): Promise<T> {
  let over = false;
  const end = () => {
    over = true;
  };
  work.then(end, end);
  await until(() => over);
  return work;
}

const file = (content: Uint8Array | string) => new NodeFile([content], "a") as unknown as File;
const large = Uint8Array.from({ length: 2 * FILE_PART_BYTES + 1 }, (_, at) => at % 251);

test("a file goes up in parts, and an empty one in none", async () => {
  const client = new FakeClient();
  const written = writer(client);
  const progress = vi.fn();
  expect(await done(upload(client.asClient, file(large), progress, signal))).toEqual({ name: "a (1)", directory: "~" });
  expect(written().equals(large)).toBe(true);
  expect(client.sent.map(({ type }) => type)).toEqual(["upload", ...Array(3).fill("upload_part")]);
  expect(client.sent[0]).toMatchObject({ name: "a", bytes: large.length, sha256: hex(large) });
  expect(progress.mock.calls.map(([part]) => part)).toEqual(
    [0, FILE_PART_BYTES, 2 * FILE_PART_BYTES].map((at) => at / large.length),
  );
  const empty = new FakeClient();
  writer(empty);
  await done(upload(empty.asClient, file(""), progress, signal));
  expect(empty.sent).toHaveLength(1);
});

test("one message of all transfers is on its way at a time, and is repeated until it is answered", async () => {
  const client = new FakeClient();
  const first = upload(client.asClient, file("one"), quiet, signal);
  const second = upload(client.asClient, file("two"), quiet, signal);
  await until(() => client.sent.length > 2);
  const [begun] = client.sent;
  expect(client.sent.every((message) => message === begun)).toBe(true);
  client.change({ status: "reconnecting" });
  const before = client.sent.length;
  client.change({ status: "connected" });
  expect(client.sent.length).toBe(before + 1);
  // Late answers of an earlier place, and those to others, count for nothing.
  const answered = (id: string | undefined, sha256: string) => ({
    type: "stored",
    id,
    name: "n",
    directory: "~",
    bytes: 3,
    sha256,
  });
  client.tell(answered("another", hex("one")));
  client.tell(answered(begun?.id, hex("one")));
  await done(first);
  await until(() => client.sent.at(-1)?.id !== begun?.id);
  client.tell(answered(client.sent.at(-1)?.id, hex("other")));
  await expect(done(second)).rejects.toThrow("it is not what was sent");
  expect(client.sent.at(-1)).toMatchObject({ type: "cancel_transfer" });
});

test("keys that were typed meanwhile have time for their echoes", async () => {
  const client = new FakeClient();
  writer(client);
  const times: number[] = [];
  const { answer } = client;
  client.answer = (message) => {
    times.push(Date.now());
    // A key is typed after the first part, and no other.
    if (message.type === "upload_part" && message.at === 0) client.inputLength += 1;
    return answer(message);
  };
  await done(upload(client.asClient, file(large), quiet, signal));
  const [, , afterKeys = 0, last = 0] = times.map((time, at) => time - (times[at - 1] ?? time));
  expect(afterKeys).toBeGreaterThanOrEqual(150);
  expect(last).toBeLessThan(150);
});

test("a file comes down in parts, whole and with its digest, or it fails", async () => {
  const client = new FakeClient();
  let sha256 = hex(large);
  client.answer = (message) => {
    const { id } = message;
    if (message.type === "download") return { type: "transfer", id, next: 0, bytes: large.length };
    if (message.type !== "download_part") return undefined;
    const part = large.subarray(message.at, message.at + FILE_PART_BYTES);
    const isLast = message.at + part.length === large.length;
    const b64 = Buffer.from(part).toString("base64");
    return { type: "file_part", id, at: message.at, b64, ...(isLast && { sha256 }) };
  };
  const { content, isArchive } = await done(download(client.asClient, "~/a", quiet, signal));
  expect([isArchive, content.type]).toEqual([false, "application/octet-stream"]);
  expect(Buffer.from(await content.arrayBuffer()).equals(large)).toBe(true);
  sha256 = hex("other");
  await expect(done(download(client.asClient, "~/a", quiet, signal))).rejects.toThrow("it changed on the way");
  client.answer = ({ id }) => ({
    type: "transfer_failed",
    id,
    code: "FILE_NOT_FOUND",
    message: "there is no such file",
  });
  await expect(done(download(client.asClient, "~/a", quiet, signal))).rejects.toThrow("there is no such file");
  client.answer = ({ type }) => ({ type: "unknown_command", received: type });
  await expect(done(download(client.asClient, "~/a", quiet, signal))).rejects.toThrow("the service is too old");
});

test("a transfer that is cancelled is so for the service too, and one without answers ends", async () => {
  const client = new FakeClient();
  const cancel = new AbortController();
  const cancelled = upload(client.asClient, file("x"), quiet, cancel.signal);
  await until(() => client.sent.length > 0);
  cancel.abort(new Error("cancelled"));
  await expect(done(cancelled)).rejects.toThrow("cancelled");
  expect(client.sent.at(-1)).toEqual({ type: "cancel_transfer", id: client.sent[0]?.id });
  await expect(done(upload(client.asClient, file("x"), quiet, signal))).rejects.toThrow("the service does not answer");
  const ended = upload(client.asClient, file("x"), quiet, signal);
  const before = client.sent.length;
  await until(() => client.sent.length > before);
  client.change({ end: { reason: "exited", exitCode: 0 } });
  await expect(done(ended)).rejects.toThrow("the session has ended");
});

test("a file takes the gateway where the service is out of reach, and only there", async () => {
  const client = new FakeClient();
  client.answer = ({ id }) => ({ type: "transfer_failed", id, code: "FILE_NOT_FOUND", message: "through the gateway" });
  const take = () => done(ways.download(client.asClient, "/a", quiet, signal));
  await expect(take()).rejects.toThrow("through the gateway");
  const fetched = vi.fn(async () => new Response('{"error":"by the service"}', { status: 404 }));
  vi.stubGlobal("fetch", fetched);
  Object.assign(client.access, { fallbackUrl: "https://service.example" });
  await expect(take()).rejects.toThrow("by the service");
  fetched.mockRejectedValue(new TypeError("failed to fetch"));
  await expect(take()).rejects.toThrow("through the gateway");
  expect(fetched).toHaveBeenCalledTimes(2);
  await expect(take()).rejects.toThrow("through the gateway");
  expect(fetched).toHaveBeenCalledTimes(2);
});
