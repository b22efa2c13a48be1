// @vitest-environment jsdom
/**
 * Files between the page and the shell: what is asked of the service, what is shown, and what a person must do for it.
 */

import { Blob as NodeBlob, File as NodeFile } from "node:buffer";
import { createHash } from "node:crypto";
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServiceAccess, TerminalClient } from "../../src/core/index.ts";
import { filesAddress } from "../../src/view/files/address.ts";
import { Content, HELD_BYTES } from "../../src/view/files/content.ts";
import { digestField } from "../../src/view/files/digest.ts";
import { FileList } from "../../src/view/files/file-list.tsx";
import { download, upload } from "../../src/view/files/service.ts";
import { MAX_FILE_BYTES } from "../../src/view/files/transfer.ts";
import { useDrop } from "../../src/view/files/use-drop.ts";
import { type Files, useFiles } from "../../src/view/files/use-files.ts";

const access: ServiceAccess = {
  url: "wss://gateway.example/prod",
  fallbackUrl: "https://service.example/",
  sessionId: "lab 7",
  token: async () => "jwt",
};
const signal = new AbortController().signal;
const sha256 = (text: string) => createHash("sha256").update(text).digest();

/** The requests of `XMLHttpRequest`, which the test answers. */
class FakeRequest {
  static all: FakeRequest[] = [];
  readonly headers: Record<string, string> = {};
  readonly upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  method = "";
  address = "";
  status = 0;
  responseText = "";
  onload = () => {};
  onerror = () => {};
  onabort = () => {};
  constructor() {
    FakeRequest.all.push(this);
  }
  open(method: string, address: string) {
    Object.assign(this, { method, address });
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value;
  }
  send() {}
  abort() {
    this.onabort();
  }
  answer(status: number, body: object) {
    Object.assign(this, { status, responseText: JSON.stringify(body) });
    this.onload();
  }
}

async function request(number = 1): Promise<FakeRequest> {
  await waitFor(() => expect(FakeRequest.all).toHaveLength(number));
  return FakeRequest.all[number - 1] as FakeRequest;
}

beforeEach(() => {
  FakeRequest.all = [];
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  // Those of jsdom cannot be read.
  vi.stubGlobal("File", NodeFile);
  vi.stubGlobal("Blob", NodeBlob);
  // jsdom has neither.
  URL.createObjectURL = vi.fn(() => "blob:x");
  URL.revokeObjectURL = vi.fn();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("files are where the service is, and nowhere behind a gateway alone", () => {
  const address = (url: string, fallbackUrl?: string) => filesAddress({ url, fallbackUrl, sessionId: "s" });
  expect(filesAddress(access)).toBe("https://service.example/api/sessions/lab%207/files");
  expect(address("wss://host.example/lab/terminal?x=1")).toBe("https://host.example/lab/api/sessions/s/files");
  expect(address("ws://127.0.0.1:3001/terminal")).toBe("http://127.0.0.1:3001/api/sessions/s/files");
  expect(address("wss://abc.execute-api.eu-central-1.amazonaws.com/prod")).toBeUndefined();
  expect(address("no address")).toBeUndefined();
});

test("an upload brings token and digest in headers, and is compared with the answer", async () => {
  const progress = vi.fn();
  const stored = upload(access, new File(["text"], "a b.txt"), progress, signal);
  const sent = await request();
  expect([sent.method, sent.address]).toEqual(["PUT", `${filesAddress(access)}?name=a%20b.txt`]);
  expect(sent.headers).toMatchObject({ authorization: "Bearer jwt", "content-digest": digestField(sha256("text")) });
  sent.upload.onprogress?.({ loaded: 1, total: 4 });
  expect(progress).toHaveBeenCalledWith(0.25);
  sent.answer(201, { name: "a b (1).txt", directory: "/home", bytes: 4, sha256: sha256("text").toString("hex") });
  expect(await stored).toEqual({ name: "a b (1).txt", directory: "/home" });
  const wrong = upload(access, new File(["text"], "a"), progress, signal);
  (await request(2)).answer(201, { name: "a", directory: "/", bytes: 4, sha256: sha256("other").toString("hex") });
  await expect(wrong).rejects.toThrow("it is not what was sent");
  const refused = upload(access, new File(["text"], "a"), progress, signal);
  (await request(3)).answer(413, { error: "the session has room for 3 bytes", code: "TOO_LARGE" });
  await expect(refused).rejects.toThrow("the session has room for 3 bytes");
  const closed = upload(access, new File(["text"], "a"), progress, signal);
  const closing = await request(4);
  Object.assign(closing, { status: 404, responseText: "<html>nginx</html>" }).onload();
  await expect(closed).rejects.toThrow("the address of the service answered 404");
});

test("a download is whole and has its digest, or it fails", async () => {
  const answer = (body: string, headers: Record<string, string>) =>
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => new Response(body, { headers })),
    );
  answer("text", { "content-digest": digestField(sha256("text")), "content-length": "4" });
  const progress = vi.fn();
  const { content, isArchive } = await download(access, "/a b", progress, signal);
  expect([content.size, content.type, isArchive]).toEqual([4, "application/octet-stream", false]);
  expect(progress).toHaveBeenLastCalledWith(1);
  const [address, options] = vi.mocked(fetch).mock.calls[0] ?? [];
  expect(address).toBe(`${filesAddress(access)}?path=%2Fa%20b&digest=end`);
  expect(options).toMatchObject({ headers: { authorization: "Bearer jwt" }, credentials: "omit" });
  answer("other", { "content-digest": digestField(sha256("text")) });
  await expect(download(access, "/a", progress, signal)).rejects.toThrow("changed on the way");
  answer("text", { "content-length": "4" });
  await expect(download(access, "/a", progress, signal)).rejects.toThrow(
    "it cannot be checked: the service's digest did not arrive",
  );
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response('{"error":"there is no such file"}', { status: 404 })),
  );
  await expect(download(access, "/a", progress, signal)).rejects.toThrow("there is no such file");
});

test("a file above the limit is refused before a request, and one at the limit is read", async () => {
  const slice = vi.fn(() => new Blob([]));
  const file = (size: number) => ({ name: "large", size, slice }) as unknown as File;
  expect(MAX_FILE_BYTES).toBe(256 * 1024 * 1024);
  const refused = upload(access, file(MAX_FILE_BYTES + 1), vi.fn(), signal);
  await expect(refused).rejects.toThrow("it is larger than 256 MB");
  expect(slice).not.toHaveBeenCalled();
  void upload(access, file(MAX_FILE_BYTES), vi.fn(), signal);
  expect((await request()).address).toContain("name=large");
});

test("the page holds a few megabytes of a file that arrives, and hands the rest to the browser", async () => {
  const blobs: number[] = [];
  class CountedBlob extends NodeBlob {
    constructor(...[parts, options]: ConstructorParameters<typeof NodeBlob>) {
      super(parts, options);
      if (!(parts as unknown[]).some((part) => part instanceof NodeBlob)) blobs.push(this.size);
    }
  }
  vi.stubGlobal("Blob", CountedBlob);
  const [content, piece] = [new Content(), 300_000];
  let expected = 0;
  for (let at = 0; at < 100; at += 1) {
    content.add(new Uint8Array(piece).fill(at));
    expected += piece;
    const held = expected - blobs.reduce((sum, size) => sum + size, 0);
    expect(held).toBeLessThan(HELD_BYTES);
  }
  const whole = content.blob(5);
  expect([whole.size, whole.type, content.size]).toEqual([expected - 5, "application/octet-stream", expected]);
  expect(Math.max(...blobs)).toBeLessThan(HELD_BYTES + piece);
  const bytes = new Uint8Array(await whole.arrayBuffer());
  expect([0, 50, 99].map((at) => bytes[at * piece + 7])).toEqual([0, 50, 99]);
});

/** Downloads a directory whose answer comes in these pieces, of which an error is the end. */
function takeArchive(...pieces: (Uint8Array | Error)[]) {
  const left = [...pieces];
  const pull = (stream: ReadableStreamDefaultController) => {
    const piece = left.shift();
    if (piece instanceof Error) stream.error(piece);
    else if (piece) stream.enqueue(piece);
    else stream.close();
  };
  const headers = { "content-type": "application/x-tar" };
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(new ReadableStream({ pull }), { headers })),
  );
  return download(access, "/a", vi.fn(), signal);
}

test("an archive is saved without the digest behind it, however it is cut into pieces", async () => {
  const archive = Buffer.from("an archive that is longer than its digest");
  const body = Buffer.concat([archive, sha256(archive.toString())]);
  for (let size = 1; size <= body.length; size += 1) {
    const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, at) =>
      Uint8Array.from(body.subarray(at * size, (at + 1) * size)),
    );
    const { content, isArchive } = await takeArchive(...pieces);
    expect([await content.text(), content.type, isArchive]).toEqual([`${archive}`, "application/octet-stream", true]);
  }
  expect((await takeArchive(Uint8Array.from(sha256("")))).content.size).toBe(0);
});

test("an archive that is cut or damaged anywhere is not saved", async () => {
  const archive = Buffer.from("an archive that is longer than its digest");
  const body = Uint8Array.from(Buffer.concat([archive, sha256(archive.toString())]));
  for (let at = 0; at < body.length; at += 1) {
    const text = "it is incomplete or changed on the way: try again";
    await expect(takeArchive(body.slice(0, at)), `the first ${at} bytes`).rejects.toThrow(text);
    const damaged = body.map((byte, place) => (place === at ? byte ^ 1 : byte));
    await expect(takeArchive(damaged), `another byte at ${at}`).rejects.toThrow(text);
  }
  const lost = takeArchive(body.slice(0, 9), new Error("cut"));
  await expect(lost).rejects.toThrow("the connection was lost before its end");
});

/** The hook of a page with a session, and what its terminal's programs print. */
function page() {
  let print = (_: string): boolean => false;
  const parser = {
    registerOscHandler(_: number, handler: (data: string) => boolean) {
      print = handler;
      return { dispose() {} };
    },
  };
  const opened = { terminal: { parser } };
  const client = { access } as TerminalClient;
  const { result, unmount } = renderHook(() => useFiles(client, opened as never, true) as Files);
  return { files: () => result.current, print: (data: string) => print(data), unmount };
}

test("uploads go one after the other, can be cancelled, and say what became of them", async () => {
  const { files, unmount } = page();
  act(() => files().upload(["one", "two", "three"].map((name) => new File([name], name))));
  const first = await request();
  expect(files().transfers.map(({ name, state }) => [name, state.kind])).toEqual([
    ["one", "running"],
    ["two", "running"],
    ["three", "running"],
  ]);
  act(() => first.upload.onprogress?.({ loaded: 1, total: 2 }));
  expect(files().transfers[0]?.state).toEqual({ kind: "running", part: 0.5 });
  const aborted = vi.spyOn(first, "abort");
  act(() => files().remove(files().transfers[0]?.id ?? 0));
  expect(aborted).toHaveBeenCalledOnce();
  const second = await request(2);
  expect(second.address).toContain("name=two");
  act(() => second.answer(403, { error: "you may not" }));
  const third = await request(3);
  act(() => third.answer(201, { name: "three", directory: "/d", sha256: sha256("three").toString("hex") }));
  await waitFor(() =>
    expect(files().transfers.map(({ state }) => state)).toEqual([
      { kind: "failed", text: "you may not" },
      { kind: "done", text: "three is in /d" },
    ]),
  );
  act(() => files().upload([new File(["x"], "four")]));
  const fourth = await request(4);
  const left = vi.spyOn(fourth, "abort");
  unmount();
  expect(left).toHaveBeenCalledOnce();
});

test("files beyond the most of one drop are not taken, and the list says so", async () => {
  const { files } = page();
  const some = (count: number) => Array.from({ length: count }, (_, at) => new File(["x"], `file${at}`));
  act(() => files().upload(some(30)));
  expect(files().transfers.map(({ name }) => name)).toEqual([
    ...Array.from({ length: 20 }, (_, at) => `file${at}`),
    "10 more files",
  ]);
  const text = "bring at most 20 files at a time, or drop their folder";
  await waitFor(() => expect(files().transfers.at(-1)?.state).toEqual({ kind: "failed", text }));
  render(<FileList files={files()} focus={() => {}} />);
  expect(screen.getByText(`Not done: ${text}`)).toBeDefined();
  act(() => files().upload(some(21)));
  expect(files().transfers.at(-1)?.name).toBe("1 more file");
  act(() => files().upload(some(20)));
  expect(files().transfers.at(-1)?.name).toBe("file19");
});

test("an offer is saved by a person's click alone", async () => {
  const { files, print } = page();
  const fetched = vi.fn();
  vi.stubGlobal("fetch", fetched);
  vi.useFakeTimers();
  act(() => {
    print(`TermgateDownload=${btoa("/etc/secret")}`);
    print(`File=name=${btoa("a\u0007b")}:${btoa("text")}`);
    vi.advanceTimersByTime(1000);
  });
  vi.useRealTimers();
  const { container } = render(<FileList files={files()} focus={() => {}} />);
  const buttons = screen.getAllByRole("button", { name: /^Save / });
  expect(buttons.map((button) => button.getAttribute("aria-label"))).toEqual(["Save secret", "Save a_b"]);
  // Clicks of scripts are not trusted.
  for (const button of buttons) fireEvent.click(button);
  expect(fetched).not.toHaveBeenCalled();
  expect(URL.createObjectURL).not.toHaveBeenCalled();
  expect(container.querySelector("a, img, iframe")).toBeNull();
  act(() => {
    for (const offer of files().offers) if (offer.kind === "content") files().save(offer);
  });
  expect(URL.createObjectURL).toHaveBeenCalledOnce();
  act(() => files().dismiss(files().offers[0]?.id ?? 0));
  expect(files().offers.map(({ name }) => name)).toEqual(["a_b"]);
});

test("a drop never opens a file in the page's place, and tells folders from files", () => {
  const [upload, uploadFolder] = [vi.fn(), vi.fn()];
  const drop = (take: boolean, event: object) => {
    const { result } = renderHook(() => useDrop(take ? { upload, uploadFolder } : undefined));
    act(() => result.current.handlers.onDrop(event as never));
  };
  const files = [new File(["a"], "a"), new File([], "folder")];
  const entries = [{ isDirectory: false }, { isDirectory: true }];
  const items = entries.map((entry) => ({ webkitGetAsEntry: () => entry }));
  const event = () => ({ preventDefault: vi.fn(), dataTransfer: { types: ["Files"], files, items } });
  const dropped = event();
  drop(true, dropped);
  expect(dropped.preventDefault).toHaveBeenCalledOnce();
  expect(upload).toHaveBeenCalledWith([files[0]]);
  expect(uploadFolder.mock.calls).toEqual([[entries[1]]]);
  const refused = event();
  drop(false, refused);
  expect(refused.preventDefault).toHaveBeenCalledOnce();
  const text = { ...event(), dataTransfer: { types: ["text/plain"] } };
  drop(true, text);
  expect(text.preventDefault).not.toHaveBeenCalled();
});

/** A folder as a browser has it: its entries come in pieces. */
function folder(name: string, ...children: object[]) {
  const pieces = () =>
    [children.slice(0, 1), children.slice(1), []].filter((piece, at) => piece.length > 0 || at === 2);
  const createReader = () => {
    const left = pieces();
    return { readEntries: (found: (piece: object[] | undefined) => void) => found(left.shift()) };
  };
  return { isDirectory: true, isFile: false, name, createReader } as unknown as FileSystemDirectoryEntry;
}

function inFolder(name: string, content: string) {
  const file = new File([content], name);
  return { isDirectory: false, isFile: true, name, file: (found: (file: File) => void) => found(file) };
}

test("a folder is brought file by file, below the directory that the shell had", async () => {
  const { files } = page();
  const site = folder("site", inFolder("index.html", "<p>"), folder("css", inFolder("a.css", "p{}")), folder("empty"));
  act(() => files().uploadFolder(site));
  const first = await request();
  expect(first.address).toBe(`${filesAddress(access)}?name=index.html&folder=site`);
  act(() => first.answer(201, { name: "index.html", directory: "~/www/site", sha256: sha256("<p>").toString("hex") }));
  const second = await request(2);
  expect(second.address).toBe(`${filesAddress(access)}?name=a.css&folder=site%2Fcss&directory=~%2Fwww`);
  act(() => second.answer(201, { name: "a.css", directory: "~/www/site/css", sha256: sha256("p{}").toString("hex") }));
  await waitFor(() => expect(files().transfers[0]?.state).toEqual({ kind: "done", text: "2 files are in ~/www/site" }));
  act(() => files().uploadFolder(folder("one", inFolder("a", "a"), inFolder("b", "b"))));
  const third = await request(3);
  act(() => third.answer(201, { name: "a", directory: "~/one", sha256: sha256("a").toString("hex") }));
  const fourth = await request(4);
  act(() => fourth.answer(413, { error: "the session has room for 0 bytes" }));
  const text = "b: the session has room for 0 bytes; 1 of 2 files are there";
  await waitFor(() => expect(files().transfers[1]?.state).toEqual({ kind: "failed", text }));
  act(() => files().uploadFolder(folder("none")));
  await waitFor(() => expect(files().transfers[2]?.state).toEqual({ kind: "failed", text: "there is no file in it" }));
});

test("a folder has at most 100 files and folders, wherever they are in it", async () => {
  const { files } = page();
  const many = (count: number) => Array.from({ length: count }, (_, at) => inFolder(`${at}`, ""));
  const deep = Array.from({ length: 50 }).reduce<object[]>((inner) => [folder("in", ...inner)], many(50));
  act(() => files().uploadFolder(folder("most", ...deep)));
  const first = await request();
  expect(first.address).toContain("folder=most%2Fin%2Fin");
  act(() => first.answer(413, { error: "no room" }));
  const text = "it has more than 100 files and folders: pack it into one file first";
  act(() => files().uploadFolder(folder("flat", ...many(101))));
  await waitFor(() => expect(files().transfers[1]?.state).toEqual({ kind: "failed", text }));
  act(() => files().uploadFolder(folder("deep", ...deep, inFolder("one", ""))));
  await waitFor(() => expect(files().transfers[2]?.state).toEqual({ kind: "failed", text }));
  expect(FakeRequest.all).toHaveLength(1);
});
