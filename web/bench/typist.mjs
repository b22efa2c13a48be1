/**
 * Types recordings into real sessions with the page's own client, emulator and predictor, and reports what a person
 * would have seen: `bench prediction` starts it, with the pages to type into as JSON on standard input. Runs the
 * package as built into `dist`.
 */

import headless from "@xterm/headless";
import WebSocket from "ws";
import { TerminalClient } from "../dist/core/index.js";
import { PredictedEcho } from "../dist/xterm/predicted-echo.js";

/** Longest wait for a text of the preparation, in ms. */
const TIMEOUT_MS = 60_000;
/** Time for the messages that follow the preparation, in ms. */
const SETTLE_MS = 3000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Typist {
  counts = { sent: 0, received: 0 };
  terminal;
  client;
  echo;

  constructor({ url, token, sessionId, mode, cols, rows }) {
    this.terminal = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 1000 });
    const socket = (address, protocols) => {
      const opened = new WebSocket(address, protocols);
      const send = opened.send.bind(opened);
      opened.send = (data) => {
        this.counts.sent += 1;
        send(data);
      };
      opened.on("message", () => {
        this.counts.received += 1;
      });
      // A connection that fails is reported by its end.
      opened.on("error", () => {});
      return opened;
    };
    const size = { cols, rows };
    this.client = new TerminalClient({ url, token, sessionId, size, socket, logLevel: "error" });
    this.echo = new PredictedEcho(
      this.terminal,
      this.client,
      () => mode,
      () => {},
    );
    this.client.attach({
      write: (bytes, parsed) => this.terminal.write(bytes, parsed),
      reset: () => this.terminal.reset(),
      resize: (columns, lines) => this.terminal.resize(columns, lines),
      progress: (progress) => this.echo.progress(progress),
    });
    this.client.connect();
  }

  get screen() {
    const { active } = this.terminal.buffer;
    const line = (row) => active.getLine(active.baseY + row)?.translateToString(true) ?? "";
    return Array.from({ length: this.terminal.rows }, (_, row) => line(row))
      .join("\n")
      .trimEnd();
  }

  /** Waits for this text on the screen. */
  async until(text) {
    for (const began = performance.now(); !this.screen.includes(text); await sleep(20)) {
      if (performance.now() - began > TIMEOUT_MS) throw new Error(`waited for ${text} on the screen:\n${this.screen}`);
    }
  }

  /** Types each key at its time, and waits until the recording ends. */
  async play(keys, durationMs) {
    const before = { ...this.echo.predictor.outcomes };
    const counted = { ...this.counts };
    const began = performance.now();
    for (const [at, key] of keys) {
      await sleep(Math.max(0, began + at - performance.now()));
      this.echo.type(key);
    }
    await sleep(Math.max(0, began + durationMs - performance.now()));
    const { shownAtOnce, refuted, longestRefutationMs } = this.echo.predictor.outcomes;
    return {
      keys: keys.length,
      shown: shownAtOnce - before.shownAtOnce,
      wrong: refuted - before.refuted,
      longestRefutationMs,
      left: this.echo.predictor.display ? 1 : 0,
      sent: this.counts.sent - counted.sent,
      received: this.counts.received - counted.received,
    };
  }
}

/** A typist whose program waits for the first key. */
async function prepared({ prepare, ...page }) {
  const typist = new Typist(page);
  for (const [text, shown] of prepare) {
    if (text) typist.client.input(text);
    await typist.until(shown);
  }
  return typist;
}

async function played(typist, { name, keys, durationMs }) {
  const result = await typist.play(keys, durationMs);
  typist.client.disconnect();
  typist.echo.dispose();
  return { name, ...result };
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const pages = JSON.parse(input);
const typists = await Promise.all(pages.map(prepared));
await sleep(SETTLE_MS);
process.stdout.write("playing\n");
const results = await Promise.all(typists.map((typist, at) => played(typist, pages[at])));
process.stdout.write(`${JSON.stringify(results)}\n`);
