// @vitest-environment jsdom
/**
 * The player of recordings: what is listed, found and sought; the emulator is asciinema's, and a fake here.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TermgatePlayer } from "../../src/player.ts";
import { clock, MAX_HITS, RecordingText } from "../../src/view/player/recording.ts";

const made = vi.hoisted(() => ({ create: vi.fn() }));
vi.mock("asciinema-player", () => made);

const line = (after: number, code: string, data: string) => JSON.stringify([after, code, data]);
const CAST = [
  JSON.stringify({ version: 3, term: { cols: 80, rows: 24 } }),
  line(1, "o", "$ l\u001b[1ms -la\r\n"),
  line(60, "o", "total 12\r\n\u001b]0;title\u0007Makef"),
  line(0.5, "o", "ile\r\n"),
  line(0.5, "m", "A new shell: the one before was lost."),
  line(10, "x", "3"),
].join("\n");

const player = { seek: vi.fn(), dispose: vi.fn(), getCurrentTime: vi.fn(() => 7) };
const answer = vi.fn();

beforeEach(() => {
  player.dispose.mockClear();
  made.create.mockReset().mockReturnValue(player);
  answer.mockReset().mockImplementation(async () => new Response(CAST));
  vi.stubGlobal("fetch", answer);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() }));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const shown = () => render(<TermgatePlayer url="https://lab.example/" sessionId="s/1" token={async () => "jwt"} />);
const places = () => screen.queryAllByRole("listitem").map(({ textContent }) => textContent);

test("marks have their times, also where silence is short", () => {
  expect(new RecordingText(CAST).marks).toEqual([
    { time: 62, label: "A new shell: the one before was lost." },
    { time: 72, label: "The end, exit code 3" },
  ]);
  expect(new RecordingText(CAST, 2).marks.map(({ time }) => time)).toEqual([4, 6]);
});

test("what was printed is found across escape sequences and pieces", () => {
  const text = new RecordingText(CAST);
  expect(text.search("LS -la")).toEqual([{ time: 1, label: "$ ls -la" }]);
  expect(text.search("makefile")).toEqual([{ time: 61, label: "Makefile" }]);
  expect(text.search("file")).toEqual([{ time: 61, label: "Makefile" }]);
  expect([text.search("title"), text.search("  "), text.search("\u0000")]).toEqual([[], [], []]);
});

test("hits and excerpts are bounded, and a line that was cut is no event", () => {
  const many = `${CAST}\n${line(0, "o", `${"x".repeat(500)}needle\n`.repeat(200))}\n[1.0, "o", "cut`;
  const hits = new RecordingText(many).search("needle");
  expect([hits.length, hits[0]?.label.length, hits[0]?.label.endsWith("needle")]).toEqual([MAX_HITS, 60, true]);
});

test.each([
  [0, "0:00"],
  [65.9, "1:05"],
  [3605, "1:00:05"],
])("%s seconds are %s", (seconds, text) => expect(clock(seconds)).toBe(text));

test("a recording is fetched with the token, and a click seeks", async () => {
  shown();
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  const [path, { headers }] = answer.mock.calls[0] as [string, RequestInit];
  expect([path, headers]).toEqual([
    "https://lab.example/api/sessions/s%2F1/recording",
    { authorization: "Bearer jwt" },
  ]);
  expect(places()).toEqual(["0:04 A new shell: the one before was lost.", "0:06 The end, exit code 3"]);
  await vi.waitFor(() => expect(made.create).toHaveBeenCalledOnce());
  expect(made.create.mock.calls[0]?.[2]).toMatchObject({ fit: "both", speed: 1, idleTimeLimit: 2, startAt: 0 });
  fireEvent.click(screen.getByRole("button", { name: /new shell/ }));
  expect(player.seek).toHaveBeenCalledWith(4);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "total" } });
  expect([places(), screen.getByRole("status").textContent]).toEqual([["0:03 total 12"], "1 hit"]);
});

test("another speed goes on at the same place, and another silence at the start", async () => {
  shown();
  await vi.waitFor(() => expect(made.create).toHaveBeenCalledTimes(1));
  fireEvent.change(screen.getByRole("combobox"), { target: { value: "4" } });
  await vi.waitFor(() => expect(made.create).toHaveBeenCalledTimes(2));
  expect(made.create.mock.calls[1]?.[2]).toMatchObject({ speed: 4, startAt: 7 });
  fireEvent.click(screen.getByRole("checkbox"));
  await vi.waitFor(() => expect(made.create).toHaveBeenCalledTimes(3));
  expect(made.create.mock.calls[2]?.[2]).toMatchObject({ speed: 4, startAt: 0, idleTimeLimit: 1e9 });
  expect(player.dispose).toHaveBeenCalledTimes(2);
});

test.each([
  [404, "There is no recording that you may watch."],
  [401, "Your access has expired."],
  [500, "The recording cannot be loaded."],
])("an answer of %s is said in words, and asked for again", async (status, words) => {
  answer.mockImplementationOnce(async () => new Response("", { status }));
  shown();
  await vi.waitFor(() => expect(screen.getByRole("alert").textContent).toContain(words));
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await vi.waitFor(() => expect(places()).toHaveLength(2));
});
