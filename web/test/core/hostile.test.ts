/**
 * The promise of the protocol: the transport loses, repeats and reorders; the terminal never does.
 */

import { expect, test } from "vitest";
import { TerminalClient } from "../../src/core/index.ts";
import { FakeClock } from "../support/clock.ts";
import { HostileService, type Weather } from "../support/hostile-service.ts";
import { seeded } from "../support/random.ts";
import { RecordingSink } from "../support/sink.ts";

const STORM: Weather = { lose: 0.02, repeat: 0.05, reorder: 0.2, cutAfter: 200 };
const quiet = { error() {}, warn() {}, info() {}, debug() {} };

test.each([
  [1, STORM],
  [2, STORM],
  [3, { lose: 0.2, repeat: 0.2, reorder: 0.5, cutAfter: 1000 }],
  [4, { lose: 0, repeat: 0.5, reorder: 1, cutAfter: 60 }],
] as const)("every key and every byte arrives once and in order, seed %i, %o", (seed, weather) => {
  const clock = new FakeClock();
  const random = seeded(seed);
  const service = new HostileService(clock, random, weather);
  const sink = new RecordingSink();
  const client = new TerminalClient({
    ...{ url: "wss://x/y", sessionId: "s1", token: "t", clock, random, clientId: () => "c1", log: quiet },
    socket: service.connect,
    // It is cut all the time; giving up is another test.
    maxAttempts: 1000,
  });
  const titles: number[] = [];
  client.onMessage((message) => {
    if (message.type === "event" && message.kind === "title") titles.push(Number(message.title));
  });
  client.attach(sink);
  client.connect();

  let keys = "";
  for (let step = 0; step < 4000; step += 1) {
    const key = String.fromCharCode(97 + Math.floor(random() * 26));
    keys += key;
    client.input(key);
    if (random() < 0.05) service.print("-".repeat(1 + Math.floor(random() * 2000)));
    clock.advance(Math.floor(random() * 60));
  }
  const done = () => service.typed === keys && service.acked === service.stream.length;
  for (let wait = 0; wait < 600 && !done(); wait += 1) clock.advance(1000);

  expect(service.typed).toBe(keys);
  expect(sink.text).toBe(service.stream.replaceAll("#", ""));
  expect(titles).toEqual([...service.stream].flatMap((c, at) => (c === "#" ? [at] : [])));
  expect(service.acked).toBe(service.stream.length);
  if (weather.cutAfter < 1000) expect(service.cuts).toBeGreaterThan(10);
});
