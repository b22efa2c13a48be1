/**
 * Compressed frames are decompressed asynchronously and delivered in order.
 */

import { deflateRawSync } from "node:zlib";
import { describe, expect, vi } from "vitest";
import { browserInflate, type ClientOptions, type Inflate } from "../../src/core/index.ts";
import { FRAME_RAW_BYTES } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";

const z = (text: string) => deflateRawSync(text).toString("base64");
const output = (pos: number, text: string, fields: object = {}) => ({
  ...{ type: "output", epoch: EPOCH, pos, len: text.length, z: z(text), head: pos + text.length },
  ...fields,
});

/** The test decides when and into what each frame is decompressed. */
function manually(options: Partial<ClientOptions> = {}) {
  const unpack: Array<(text: string | undefined) => void> = [];
  const inflate: Inflate = (_, __, done) => {
    unpack.push((text) => done(text === undefined ? undefined : new TextEncoder().encode(text)));
  };
  return { harness: new Harness({ inflate, ...options }).attach(), unpack };
}

describe("the browser's decompression", () => {
  const unpacked = (packed: Uint8Array, most = FRAME_RAW_BYTES) =>
    new Promise<Uint8Array | undefined>((resolve) => browserInflate?.(packed, most, resolve));

  test("decompresses up to the limit", async () => {
    const text = "many times the same ".repeat(10_000);
    const bytes = await unpacked(deflateRawSync(text));
    expect(new TextDecoder().decode(bytes)).toBe(text);
  });

  test("rejects corrupt or too long data", async () => {
    expect(await unpacked(new Uint8Array([0xff, 0xff, 0xff]))).toBeUndefined();
    const good = deflateRawSync("x".repeat(100_000));
    expect(await unpacked(good, 99_999)).toBeUndefined();
    expect(await unpacked(good, 100_000)).toHaveLength(100_000);
    expect(await unpacked(deflateRawSync(Buffer.alloc(300 * 1024)))).toBeUndefined();
  });

  test("is offered in the attach, and used", async () => {
    const harness = new Harness({ inflate: browserInflate ?? null }).attach();
    expect(harness.socket.of("attach")).toMatchObject([{ accept: ["z"] }]);
    harness.socket.receive(output(0, "packed"));
    harness.output(6, " and not");
    await vi.waitFor(() => expect(harness.sink.text).toBe("packed and not"));
  });
});

test("without decompression, none is offered", () => {
  const harness = new Harness({ inflate: null }).attach();
  expect(harness.socket.of("attach")).toEqual([{ type: "attach", client: "c1", cols: 80, rows: 24 }]);
});

describe("order", () => {
  test("later frames wait for a compressed one and are not a gap", () => {
    const { harness, unpack } = manually();
    harness.socket.receive(output(0, "abc"));
    harness.event(3, { kind: "title", title: "t" });
    harness.socket.receive(output(4, "def"));
    harness.output(7, "g");
    unpack[1]?.("def");
    harness.clock.advance(2500);
    expect(harness.repairs).toEqual([]);
    expect(harness.sink.text).toBe("");
    unpack[0]?.("abc");
    expect(harness.sink.text).toBe("abcdefg");
    expect(harness.client.state.title).toBe("t");
  });

  test("parts of a snapshot wait too", () => {
    const { harness, unpack } = manually();
    const snapshot = { type: "snapshot", epoch: EPOCH, pos: 50, id: 1, parts: 2, scope: "full" };
    const part = { ...snapshot, cols: 80, rows: 24, skipped: 0 };
    harness.socket.receive({ ...part, part: 1, z: z("one") });
    harness.socket.receive({ ...part, part: 2, z: z("two") });
    harness.output(50, "!");
    unpack[0]?.("one");
    unpack[1]?.("two");
    expect(harness.sink.text).toBe("\x18onetwo!");
  });

  test("a frame of an earlier epoch is dropped", () => {
    const { harness, unpack } = manually();
    harness.socket.receive(output(0, "old"));
    harness.error("STALE_EPOCH");
    harness.attached({ epoch: EPOCH + 1 });
    harness.output(0, "new", { epoch: EPOCH + 1 } as object);
    unpack[0]?.("old");
    expect(harness.sink.text).toBe("new");
  });
});

test("history for a new emulator does not wait for a frame in decompression", () => {
  const { harness, unpack } = manually();
  harness.socket.receive(output(0, "abc"));
  harness.client.attach(harness.sink);
  harness.attached({ pos: 0, head: 3 });
  harness.output(0, "abc");
  expect(harness.sink.text).toBe("abc");
  unpack[0]?.("abc");
  harness.output(3, "d");
  expect(harness.sink.text).toBe("abcd");
});

describe("a frame that cannot be decompressed", () => {
  test.each<[string, (unpack: Array<(text: string | undefined) => void>) => void]>([
    ["is corrupt", (unpack) => unpack[0]?.(undefined)],
    ["has another length", (unpack) => unpack[0]?.("ab")],
  ])("is requested again if it %s", (_, fails) => {
    const { harness, unpack } = manually();
    harness.socket.receive(output(0, "abc"));
    harness.output(3, "def");
    fails(unpack);
    harness.clock.advance(300);
    expect(harness.repairs).toEqual([{ type: "follow", epoch: EPOCH, pos: 0, repair: true }]);
    harness.output(0, "abc");
    expect(harness.sink.text).toBe("abcdef");
  });

  test("is dropped after a timeout", () => {
    const { harness, unpack } = manually();
    harness.socket.receive(output(0, "abc"));
    harness.output(3, "def");
    harness.clock.advance(5300);
    expect(harness.repairs.length).toBeGreaterThan(0);
    harness.output(0, "abc");
    unpack[0]?.("abc");
    expect(harness.sink.text).toBe("abcdef");
  });

  test("is requested again if it is invalid base64 or was not offered", () => {
    for (const options of [{}, { inflate: null }]) {
      const { harness } = manually(options);
      harness.socket.receive(output(0, "abc", options.inflate === null ? {} : { z: "%%%" }));
      harness.clock.advance(2000);
      expect(harness.repairs).toHaveLength(1);
    }
  });

  test("holds back a bounded number of frames", () => {
    const { harness, unpack } = manually();
    harness.socket.receive(output(0, "abc"));
    for (let pos = 3; pos < 2000; pos += 1) harness.output(pos, "x");
    unpack[0]?.("abc");
    expect(harness.sink.text).toHaveLength(3 + 511);
  });
});
