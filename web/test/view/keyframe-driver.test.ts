/**
 * Playing a recording from its keyframes: the screen is that of playing from the start, a seek reads little, and what has
 * not come is waited for.
 */

import { Terminal } from "@xterm/headless";
import { afterEach, expect, test, vi } from "vitest";
import { KeyframeDriver } from "../../src/view/player/keyframe-driver.ts";
import { RecordingReader } from "../../src/view/player/read-recording.ts";
import type { Recording } from "../../src/view/player/recording.ts";

/** Steps of the long recording, each 100 ms after the one before. */
const STEPS = 3000;
/** Steps between two keyframes. */
const DISTANCE = 100;
const PADDING = "x".repeat(500);
/** Output that a seek may read, in characters: what is between two keyframes. */
const MAX_READ = DISTANCE * 600;

const line = (after: number, code: string, data: string) => `${JSON.stringify([after, code, data])}\n`;
const stepAt = (step: number) => `\x1b[2J\x1b[H\x1b[3${step % 8}mstep ${step}\r\n${PADDING}`;

/** A recording that changes its size and its screen, with or without keyframes. */
function long(hasKeyframes: boolean): Recording {
  const reader = new RecordingReader();
  reader.add(`${JSON.stringify({ version: 3, term: { cols: 80, rows: 24 } })}\n`);
  let [size, screen] = ["80x24", ""];
  for (let step = 0; step < STEPS; step += 1) {
    const [resizes, changes] = [step % 250 === 120, step % 170 === 30];
    if (resizes) {
      size = `${60 + (step % 50)}x${20 + (step % 7)}`;
      reader.add(line(0, "r", size));
    }
    if (changes) screen = screen === "" ? "\x1b[?1049h" : "";
    const change = screen === "" ? "\x1b[?1049l" : screen;
    reader.add(line(0.1, "o", `${changes ? change : ""}${stepAt(step)}`));
    if (hasKeyframes && step % DISTANCE === 99) reader.add(line(0, "k", `${size}\n\x1bc${screen}${stepAt(step)}`));
  }
  reader.add(line(0, "m", "mark"));
  reader.add(line(1, "x", "0"));
  return reader.end();
}

/** A terminal that a driver fills. */
class Screen {
  /** Output so far, in characters. */
  read = 0;
  readonly heard: string[] = [];
  readonly #terminal = new Terminal({ cols: 80, rows: 24, allowProposedApi: true });

  dispatch(event: string, data?: unknown): void {
    this.heard.push(event);
    if (event === "output") for (const output of data as string[]) this.#write(output);
    if (event === "resize") this.#resize(data as { cols: number; rows: number });
    if (event !== "reset") return;
    const { size, init } = data as { size: { cols: number; rows: number }; init: string };
    this.#terminal.write("\x1bc");
    this.#resize(size);
    this.#write(init);
  }

  #resize({ cols, rows }: { cols: number; rows: number }): void {
    // Output before it was for the size before it.
    this.#terminal.write("", () => this.#terminal.resize(cols, rows));
  }

  #write(output: string): void {
    this.read += output.length;
    this.#terminal.write(output);
  }

  async shown() {
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
    const { cols, rows, buffer } = this.#terminal;
    const { active } = buffer;
    const lines = Array.from({ length: rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true));
    return { cols, rows, type: active.type, x: active.cursorX, y: active.cursorY, lines };
  }
}

function driven(recording: Recording, speed = 1) {
  const screen = new Screen();
  const driver = new KeyframeDriver(screen, recording, recording.times(), speed);
  driver.init();
  return { screen, driver };
}

test("a seek by a keyframe shows what playing from the start does, and reads no more than is between two", async () => {
  const begun = driven(long(true));
  // Forth and back, just before and behind keyframes, sizes and changes of the screen.
  for (const step of [2999, 98, 99, 100, 121, 119, 1870, 1871, 200, 29, 31, 2500, 0, 1220, 1250, 1199, 2040]) {
    const whole = driven(long(false));
    const time = (step + 1) / 10 + 0.001;
    whole.driver.seek(time);
    const before = begun.screen.read;
    begun.driver.seek(time);
    expect(await begun.screen.shown(), `step ${step}`).toEqual(await whole.screen.shown());
    expect((await begun.screen.shown()).lines[0]).toBe(`step ${step}`);
    expect(begun.screen.read - before, `step ${step}`).toBeLessThanOrEqual(MAX_READ);
  }
});

test("a seek forward reads on, and one without keyframes begins at the start", () => {
  const { screen, driver } = driven(long(true));
  driver.seek(5);
  const before = screen.read;
  driver.seek(5.1001);
  expect(screen.read - before).toBeLessThan(2 * 600);
  const whole = driven(long(false));
  whole.driver.seek(250);
  whole.driver.seek(249);
  expect(whole.screen.read).toBeGreaterThan(4000 * 500);
});

/** Something each second for ten, with two marks. */
function short(): Recording {
  const reader = new RecordingReader();
  reader.add(`${JSON.stringify({ version: 3, term: { cols: 80, rows: 24 } })}\n`);
  for (let second = 1; second <= 10; second += 1) {
    reader.add(line(1, "o", `${second} `));
    if (second % 4 === 0) reader.add(line(0, "m", `mark ${second}`));
  }
  return reader.end();
}
const text = async (screen: Screen) => (await screen.shown()).lines[0];

test.each([
  [3.5, "1 2 3"],
  ["50%", "1 2 3 4 5"],
  [">>", "1 2 3 4 5 6 7"],
  ["<<", ""],
  [">>>", "1 2 3"],
  ["<<<", "1"],
  [{ marker: "next" }, "1 2 3 4"],
  [{ marker: "prev" }, ""],
  [{ marker: 1 }, "1 2 3 4 5 6 7 8"],
  [99, "1 2 3 4 5 6 7 8 9 10"],
  [-1, ""],
] as const)("from 2 s, %j shows %j", async (where, expected) => {
  const { screen, driver } = driven(short());
  driver.seek(2);
  driver.seek(where);
  expect((await text(screen))?.trim()).toBe(expected);
  expect(screen.heard.filter((event) => event === "seeked")).toHaveLength(2);
});

test("a step shows the next output, or the one before", async () => {
  const { screen, driver } = driven(short());
  for (const [count, expected] of [
    [1, "1"],
    [1, "1 2"],
    [2, "1 2 3 4"],
    [-1, "1 2 3"],
    [-1, "1 2"],
  ] as const) {
    driver.step(count);
    expect((await text(screen))?.trim()).toBe(expected);
  }
});

afterEach(() => {
  vi.useRealTimers();
});

test("it plays at its speed, holds, goes on, ends, and begins anew", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const { screen, driver } = driven(short(), 2);
  driver.play();
  vi.advanceTimersByTime(1600);
  const outputs = () => screen.heard.filter((event) => event === "output").length;
  expect([outputs(), driver.getTiming().time, driver.getTiming().rate]).toEqual([3, 3.2, 2]);
  driver.pause();
  vi.advanceTimersByTime(9000);
  expect([outputs(), driver.getTiming().time, driver.getTiming().rate]).toEqual([3, 3.2, 0]);
  driver.play();
  driver.seek(7.9);
  vi.advanceTimersByTime(60);
  expect(driver.getTiming().time).toBeCloseTo(8.02);
  vi.advanceTimersByTime(9000);
  expect([driver.getTiming().time, driver.getTiming().rate, screen.heard.at(-2)]).toEqual([10, 0, "ended"]);
  driver.play();
  expect(driver.getTiming().time).toBe(0);
  driver.stop();
  const before = screen.heard.length;
  vi.advanceTimersByTime(9000);
  expect(screen.heard).toHaveLength(before);
});

/** A player of a recording that comes second by second. */
function coming() {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const reader = new RecordingReader();
  reader.add(`${JSON.stringify({ version: 3, term: { cols: 80, rows: 24 } })}\n`);
  const recording = reader.recording as Recording;
  let events: string[] = [];
  let printed = "";
  const dispatch = (event: string, data?: unknown) => {
    if (event !== "timing" && event !== "metadata") events.push(event);
    if (event === "reset") printed = "";
    if (event === "output") printed += (data as string[]).join("");
  };
  const driver = new KeyframeDriver({ dispatch }, recording, recording.times(), 1);
  driver.init();
  let second = 0;
  // Output is read once the next event ends its frame.
  const come = (seconds: number) => {
    for (const end = second + seconds; second < end; second += 1) reader.add(line(1, "o", `${second + 1} `));
    driver.grew();
  };
  const end = () => {
    reader.end();
    driver.grew();
  };
  const heard = () => {
    const all = events;
    events = [];
    return all;
  };
  heard();
  return { driver, come, end, heard, shows: () => printed.trim() };
}

test("it plays what has come, waits where no more has, and goes on", () => {
  const { driver, come, end, heard, shows } = coming();
  come(4);
  expect(driver.getDuration()).toBe(3);
  driver.play();
  vi.advanceTimersByTime(3100);
  expect(shows()).toBe("1 2 3");
  expect(heard()).toEqual(["play", "playing", "output", "output", "output", "loading"]);
  vi.advanceTimersByTime(60_000);
  expect(driver.getTiming()).toMatchObject({ time: 3, rate: 0 });
  come(0);
  expect(heard()).toEqual([]);
  come(2);
  expect(heard()).toEqual(["play", "playing"]);
  vi.advanceTimersByTime(1100);
  expect([shows(), driver.getTiming().time]).toEqual(["1 2 3 4", 4.1]);
  vi.advanceTimersByTime(60_000);
  expect(heard()).toEqual(["output", "output", "loading"]);
  end();
  expect(heard()).toEqual(["play", "playing"]);
  vi.advanceTimersByTime(1000);
  expect([shows(), heard()]).toEqual(["1 2 3 4 5 6", ["output", "ended"]]);
});

test("a seek beyond what has come waits for it, and shows it, playing or not", () => {
  const { driver, come, end, heard, shows } = coming();
  come(4);
  driver.seek(7.5);
  expect([shows(), heard()]).toEqual(["1 2 3", ["output", "seeked", "loading"]]);
  come(4);
  expect([shows(), heard(), driver.getDuration()]).toEqual(["1 2 3", [], 7]);
  come(2);
  expect([shows(), heard()]).toEqual(["1 2 3 4 5 6 7", ["output", "play", "pause"]]);
  expect(driver.getTiming()).toMatchObject({ time: 7.5, rate: 0 });
  // Another place is shown at once, and nothing comes back to the one that was waited for.
  driver.seek(20);
  driver.seek(2);
  expect(heard()).toEqual(["output", "seeked", "loading", "reset", "output", "seeked", "play", "pause"]);
  come(20);
  expect([shows(), heard()]).toEqual(["1 2", []]);
  // One that plays meanwhile plays there, unless it is paused meanwhile.
  driver.seek(40);
  driver.play();
  heard();
  come(20);
  expect([heard(), driver.getTiming().rate]).toEqual([["output", "play", "playing"], 1]);
  driver.seek(60);
  driver.pause();
  heard();
  end();
  expect([heard(), driver.getTiming()]).toEqual([
    ["output", "play", "pause", "ended"],
    expect.objectContaining({ time: 50, rate: 0 }),
  ]);
});
