// Runs the page's terminals for the Rust tests: each line of the input is a request in JSON, each line of the output its answer.

import { createInterface } from "node:readline";
import { differences, unreachable } from "./compare.mjs";
import { Emulator } from "./terminal.mjs";
import { provider } from "./page.mjs";

const terminals = new Map();
let recording = { bytes: Buffer.alloc(0), resizes: [] };

const requests = {
  /** Sets the output for `play`, with its changes of size. */
  record({ bytes, resizes }) {
    recording = { bytes: Buffer.from(bytes, "base64"), resizes };
  },
  open({ id, cols, rows, scrollback }) {
    terminals.get(id)?.dispose();
    terminals.set(id, new Emulator(cols, rows, scrollback));
  },
  /** Plays a range of bytes of the recording. */
  async play({ id, from, to }) {
    const terminal = terminals.get(id);
    for (const { at, cols, rows } of recording.resizes.filter(({ at }) => from < at && at <= to)) {
      await terminal.write(recording.bytes.subarray(from, at));
      terminal.resize(cols, rows);
      from = at;
    }
    await terminal.write(recording.bytes.subarray(from, to));
  },
  async write({ id, bytes }) {
    await terminals.get(id).write(Buffer.from(bytes, "base64"));
  },
  async restore({ id, cols, rows, bytes }) {
    terminals.get(id).resize(cols, rows);
    await terminals.get(id).restore(Buffer.from(bytes, "base64"));
  },
  resize({ id, cols, rows }) {
    terminals.get(id).resize(cols, rows);
  },
  compare({ found, wanted, ...how }) {
    return differences(terminals.get(found), terminals.get(wanted), how);
  },
  unreachable({ id }) {
    return unreachable(terminals.get(id));
  },
  /** Returns the width of every character up to `last`, as digits. */
  widths({ last }) {
    return Array.from({ length: last + 1 }, (_, c) => provider.wcwidth(c)).join("");
  },
};

/** xterm.js parses in its own task and throws at some bytes; this passes the error to the caller that awaits. */
let stop;
process.on("uncaughtException", (error) => stop(error));

for await (const line of createInterface({ input: process.stdin })) {
  const { request, ...values } = JSON.parse(line);
  try {
    const thrown = new Promise((_, reject) => (stop = reject));
    const answer = await Promise.race([requests[request](values), thrown]);
    process.stdout.write(`${JSON.stringify({ answer: answer ?? null })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error?.stack ?? error) })}\n`);
  }
}
