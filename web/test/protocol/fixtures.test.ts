/**
 * The fixtures that the Rust tests use too: the client parses the server's, and both directions match the generated
 * types.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { browserInflate } from "../../src/core/index.ts";
import { fromBase64, payloadBytes } from "../../src/protocol/bytes.ts";
import { readFrame } from "../../src/protocol/frame.ts";
import { FRAME_RAW_BYTES } from "../../src/protocol/generated.ts";

const ROOT = join(import.meta.dirname, "../..");
const FIXTURES = join(ROOT, "../shared-protocol/fixtures");

function fixtures(folder: string): Array<[name: string, text: string]> {
  const names = readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith(".json"));
  return names.map((name) => [name, readFileSync(join(FIXTURES, folder, name), "utf8")]);
}

test.each(fixtures("server"))("%s is parsed", async (_, text) => {
  const frame = readFrame(text);
  expect(frame).toEqual(JSON.parse(text));
  if (frame?.type !== "output") return;
  const bytes = "z" in frame ? await inflated(frame.z) : payloadBytes(frame);
  expect(bytes).toHaveLength(frame.len);
});

function inflated(z: string): Promise<Uint8Array | undefined> {
  const packed = fromBase64(z) ?? new Uint8Array();
  return new Promise((resolve) => browserInflate?.(packed, FRAME_RAW_BYTES, resolve));
}

test("there is a fixture for every kind of frame", () => {
  const types = new Set(fixtures("server").map(([, text]) => (JSON.parse(text) as { type: string }).type));
  const generated = readFileSync(join(ROOT, "src/protocol/generated.ts"), "utf8");
  const declared = generated.slice(generated.indexOf("export type ServerFrame")).matchAll(/\btype: "(\w+)"/g);
  expect([...types].sort()).toEqual([...declared].map(([, type]) => type).sort());
});

test("both directions match the generated types", { timeout: 30_000 }, () => {
  const lines = [
    'import type { ClientMessage, ServerFrame } from "../../../src/protocol/generated.ts";',
    ...fixtures("server").map(([, text]) => `void (${text.trim()} satisfies ServerFrame);`),
    ...fixtures("client")
      // Plain messages are unnumbered messages of scripts, which have no type here.
      .filter(([name]) => !name.startsWith("plain"))
      .map(([, text]) => `void (${text.trim()} satisfies ClientMessage);`),
  ];
  const folder = mkdtempSync(join(ROOT, "node_modules/.cache-fixtures-"));
  try {
    const file = join(folder, "fixtures.ts");
    writeFileSync(file, lines.join("\n").replace("../../../src", "../../src"));
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--allowImportingTsExtensions"];
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const output = compilerOutput(() => execFileSync(tsc, [...flags, "--ignoreConfig", file], { encoding: "utf8" }));
    expect(output).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function compilerOutput(run: () => string): string {
  try {
    return run();
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error);
  }
}

test("a failure of API Gateway is recognized", () => {
  const text = '{"message": "Internal server error", "connectionId":"K=", "requestId":"r1"}';
  expect(readFrame(text)).toEqual({ type: "gateway_fault", message: "Internal server error", requestId: "r1" });
});
