/**
 * Reading a recording: in slices, and with few events for the player.
 */

import { expect, test } from "vitest";
import { PlainText } from "../../src/view/player/plain-text.ts";
import {
  FRAME_MS,
  MANY_EVENTS,
  MAX_MARKS,
  RecordingReader,
  readRecording,
  SLICE,
} from "../../src/view/player/read-recording.ts";
import { Recording } from "../../src/view/player/recording.ts";

const HEADER = JSON.stringify({ version: 3, term: { cols: 100, rows: 30 } });
const line = (after: number, code: string, data: string) => `${JSON.stringify([after, code, data])}\n`;
const cast = (...lines: string[]) => `${HEADER}\n${lines.join("")}`;
function read(...pieces: string[]): Recording {
  const reader = new RecordingReader();
  for (const piece of pieces) reader.add(piece);
  return reader.end();
}
/** Times in ms, kinds and data. */
const events = (recording: Recording) => recording.events.map(({ time, code, data }) => [Math.round(time), code, data]);
/** All output, in one. */
const output = ({ events }: Recording) => events.map(({ code, data }) => (code === "o" ? data : "")).join("");

test("output within a frame is one event, at the time of its first", () => {
  const recording = read(
    cast(
      line(1, "o", "a"),
      line(0.016, "o", "b"),
      line(0.001, "o", "c"),
      line(0, "r", "90x20"),
      line(0, "o", "d"),
      line(0.01, "i", "typed"),
      line(0.006, "o", "e"),
      line(0.001, "m", "mark"),
      line(0.001, "o", "f"),
    ),
  );
  expect([recording.cols, recording.rows]).toEqual([100, 30]);
  expect(events(recording)).toEqual([
    [1000, "o", "ab"],
    [1017, "o", "c"],
    [1017, "r", "90x20"],
    [1017, "o", "de"],
    [1034, "m", "mark"],
    [1035, "o", "f"],
  ]);
  expect(recording.search("cdef")[0]).toMatchObject({ event: 1, label: "abcdef" });
});

test("a keyframe stands between what was printed before it and after it, in one frame, too", () => {
  const frame = "80x24\n\u001bca";
  const recording = read(cast(line(1, "o", "a"), line(0, "k", frame), line(0, "o", "b"), line(0, "k", frame)));
  expect(events(recording)).toEqual([
    [1000, "o", "a"],
    [1000, "k", frame],
    [1000, "o", "b"],
    [1000, "k", frame],
  ]);
  expect([recording.keyframes, recording.search("ab")[0]?.label]).toEqual([[1, 3], "ab"]);
  const long = read(
    cast(line(0.02, "o", "x").repeat(MANY_EVENTS), line(0, "k", frame), line(0.02, "o", "x").repeat(9)),
  );
  expect(long.events[long.keyframes[0] ?? 0]).toMatchObject({ code: "k", data: frame });
});

test("pieces may end anywhere", () => {
  const file = cast(line(1, "o", "$ \u001b[1mls\r\n"), "# a comment\n", "\n", line(1, "m", "ls"), line(1, "x", "0"));
  const whole = read(file);
  expect(events(whole)).toHaveLength(3);
  for (let cut = 0; cut <= file.length; cut += 1) {
    const recording = read(file.slice(0, cut), file.slice(cut));
    expect([events(recording), recording.marks]).toEqual([events(whole), whole.marks]);
  }
});

test("a recording of millions of events is read in slices, and an hour of it has no more than its frames", async () => {
  // An hour in which something is printed every ms.
  const count = 3_600_000;
  const some = line(0.001, "o", "x").repeat(10_000);
  let left = count / 10_000;
  const file = new ReadableStream<string>({
    pull(pieces) {
      pieces.enqueue(left === count / 10_000 ? `${HEADER}\n${some}` : some);
      left -= 1;
      if (left === 0) pieces.close();
    },
  });
  let turns = 0;
  const shown: [Recording, number, boolean][] = [];
  await readRecording(
    file,
    async () => {
      turns += 1;
    },
    (recording) => shown.push([recording, recording.events.length, recording.isWhole]),
  );
  const [recording] = shown.at(-1) ?? [new Recording(null)];
  // From the first slice on, and each time the same one.
  expect([shown.length, shown[0]?.[1]]).toEqual([turns + 1, expect.toSatisfy((count) => count > 0 && count < SLICE)]);
  expect(shown.every(([same, , isWhole], at) => same === recording && isWhole === (at === turns))).toBe(true);
  expect(turns).toBeGreaterThanOrEqual((count * some.length) / 10_000 / SLICE);
  expect(recording.events.length).toBeLessThanOrEqual(count / FRAME_MS + 1);
  expect(output(recording)).toHaveLength(count);
});

test("the part that was read stays as it is while more comes, its times and its text, too", () => {
  const reader = new RecordingReader();
  reader.add(cast(line(1, "o", "one\r\n"), line(0, "m", "first"), line(1, "o", "cut")));
  const recording = reader.recording as Recording;
  const [times, short] = [recording.times(), recording.times(2)];
  expect([events(recording), times, recording.search("one")[0]?.event]).toEqual([
    [
      [1000, "o", "one\r\n"],
      [1000, "m", "first"],
    ],
    [1, 1],
    0,
  ]);
  const [first] = recording.events;
  reader.add(`${line(0.001, "o", " here\r\n")}${line(60, "x", "0")}`);
  expect(reader.end()).toBe(recording);
  expect([recording.events[0] === first, recording.isWhole, recording.marks.length]).toEqual([true, true, 2]);
  expect([times, short].map((all) => all.map(Math.round))).toEqual([
    [1, 1, 2, 62],
    [1, 1, 2, 4],
  ]);
  expect([recording.times(), recording.search("cut here")[0]?.event]).toEqual([times, 2]);
});

test("a longer one has a longer frame, and the same output", () => {
  const count = 3 * MANY_EVENTS;
  const recording = read(cast(line(0.02, "o", "\u001b[1mx").repeat(count), line(1, "x", "0")));
  expect(recording.events.length).toBeLessThanOrEqual(2 * MANY_EVENTS);
  expect(recording.events.length).toBeGreaterThan(MANY_EVENTS);
  expect(output(recording)).toBe("\u001b[1mx".repeat(count));
  expect(recording.times().at(-1)).toBeCloseTo(count * 0.02 + 1);
  const [hit] = recording.search("x".repeat(60));
  expect(hit?.event).toBe(0);
});

test("marks are bounded, but for the end", () => {
  const { marks } = read(cast(line(0.1, "m", "ls").repeat(MAX_MARKS + 5), line(1, "x", "0")));
  expect([marks.length, marks.at(-1)?.label]).toEqual([MAX_MARKS + 1, "The end, exit code 0"]);
});

test.each([
  ["a\u001b[1;31mb\u001b[0m", "ab"],
  ["\u001b]0;title\u0007a\u001b]8;;https://x\u001b\\b", "ab"],
  ["\u001bPq#0\u001b\\a\u001b(Bb\u001b7", "ab"],
  ["a\t\r\n\u0000\u007fb", "a\nb"],
  ["\u001b[1\nab", "\nab"],
  ["\u001b\u001b[1ma\u001b[3\u001b[4mb", "ab"],
  [`a\u001b]${"x".repeat(20)}\u0007b`, "ab"],
  ["a\u001b[é😀b", "aé😀b"],
])("the text of %j is %j, in two pieces, too", (data, text) => {
  for (let cut = 0; cut <= data.length; cut += 1) {
    const plain = new PlainText();
    expect(plain.next(data.slice(0, cut)) + plain.next(data.slice(cut))).toBe(text);
  }
});
