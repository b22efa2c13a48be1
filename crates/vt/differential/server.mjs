// Drives terminals of the page's kind for the tests in Rust: a request in JSON on each line of the input, an answer on each line of
// the output.

import { createInterface } from "node:readline";
import { differences, unreachable } from "./compare.mjs";
import { Emulator } from "./terminal.mjs";
import { widths } from "./widths.mjs";

const terminals = new Map();
let recording = { bytes: Buffer.alloc(0), resizes: [] };

const requests = {
  /** The output that `play` plays, with the sizes that it changes to on its way. */
  record({ bytes, resizes }) {
    recording = { bytes: Buffer.from(bytes, "base64"), resizes };
  },
  open({ id, cols, rows, scrollback }) {
    terminals.get(id)?.dispose();
    terminals.set(id, new Emulator(cols, rows, scrollback));
  },
  /** The recording from one byte up to another. */
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
  /** The width of every character up to `last`, as digits. */
  widths({ last }) {
    const width = widths();
    return Array.from({ length: last + 1 }, (_, c) => width(c)).join("");
  },
};

/** xterm.js parses in a task of its own, and throws at some bytes: the awaiting caller gets the error. */
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
