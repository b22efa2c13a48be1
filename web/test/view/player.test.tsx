// @vitest-environment jsdom
/**
 * The player of recordings: what is listed, found and sought; the emulator is asciinema's, and a fake here.
 */

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TermgatePlayer } from "../../src/player.ts";
import { RecordingReader } from "../../src/view/player/read-recording.ts";
import { clock, lastUpTo, MAX_HITS, type Mark, type Recording } from "../../src/view/player/recording.ts";

const made = vi.hoisted(() => ({ create: vi.fn() }));
vi.mock("asciinema-player", () => made);

const line = (after: number, code: string, data: string) => JSON.stringify([after, code, data]);
const HEADER = JSON.stringify({ version: 3, term: { cols: 80, rows: 24 } });
const CAST = [
  HEADER,
  line(1, "o", "$ l\u001b[1ms -la\r\n"),
  line(60, "o", "total 12\r\n\u001b]0;title\u0007Makef"),
  line(0.5, "o", "ile\r\n"),
  line(0.5, "m", "A new shell: the one before was lost."),
  line(10, "x", "3"),
].join("\n");

type Heard = "play" | "pause" | "ended";
/** Asciinema's player, as far as it is used here. */
class FakePlayer {
  time = 0;
  readonly #heard = new Map<Heard, () => void>();
  readonly seek = vi.fn(async (time: number) => {
    this.time = time;
  });
  readonly play = vi.fn(async () => this.tell("play"));
  readonly dispose = vi.fn();
  readonly getCurrentTime = () => this.time;
  readonly addEventListener = (name: Heard, act: () => void) => this.#heard.set(name, act);
  tell(name: Heard): void {
    this.#heard.get(name)?.();
  }
}
const players: FakePlayer[] = [];
const answer = vi.fn();

beforeEach(() => {
  players.length = 0;
  made.create.mockReset().mockImplementation(() => {
    const player = new FakePlayer();
    players.push(player);
    return player;
  });
  answer.mockReset().mockImplementation(async () => new Response(CAST));
  vi.stubGlobal("fetch", answer);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: vi.fn(), removeEventListener: vi.fn() }));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const player = (sessionId = "s/1") => (
  <TermgatePlayer url="https://lab.example/" sessionId={sessionId} token={async () => "jwt"} />
);
const shown = () => render(player());
const places = () => screen.queryAllByRole("listitem").map(({ textContent }) => textContent);
/** The player in use, once the one with this number from 1 is made. */
async function playerNumber(count: number): Promise<FakePlayer> {
  await vi.waitFor(() => expect(players).toHaveLength(count));
  return players.at(-1) as FakePlayer;
}
/** Of what the latest player plays, in seconds. */
const duration = () => made.create.mock.calls.at(-1)?.[0]({ dispatch: vi.fn() }).getDuration();
const chooseSpeed = (speed: number) => fireEvent.change(screen.getByRole("combobox"), { target: { value: speed } });
function read(cast: string): Recording {
  const reader = new RecordingReader();
  reader.add(cast);
  return reader.end();
}
/** Times and labels. */
const timed = (text: Recording, marks: readonly Mark[], idle?: number) =>
  marks.map(({ event, label }) => [text.times(idle)[event], label]);

test("marks have their times, also where silence is short", () => {
  const text = read(CAST);
  expect(timed(text, text.marks)).toEqual([
    [62, "A new shell: the one before was lost."],
    [72, "The end, exit code 3"],
  ]);
  expect(timed(text, text.marks, 2).map(([time]) => time)).toEqual([4, 6]);
});

test("what was printed is found across escape sequences and pieces", () => {
  const text = read(CAST);
  const found = (words: string) => timed(text, text.search(words));
  expect(found("LS -la")).toEqual([[1, "$ ls -la"]]);
  expect(found("makefile")).toEqual([[61, "Makefile"]]);
  expect(found("file")).toEqual([[61, "Makefile"]]);
  expect([found("title"), found("  "), found("\u0000")]).toEqual([[], [], []]);
});

test("signs of patterns and letters of any length are found as they are", () => {
  const text = read([HEADER, line(1, "o", "İİ [a-z]+ (x)\r\n"), line(1, "o", "ÅNGSTRÖM $1.50")].join("\n"));
  expect(timed(text, text.search("[A-Z]+ (x)"))).toEqual([[1, "İİ [a-z]+ (x)"]]);
  expect(timed(text, text.search("ångström $1.5"))).toEqual([[2, "ÅNGSTRÖM $1.50"]]);
  expect(text.search("a1b50")).toEqual([]);
});

test("hits and excerpts are bounded, and a line that was cut is no event", () => {
  const many = `${CAST}\n${line(0, "o", `${"x".repeat(500)}needle\n`.repeat(200))}\n[1.0, "o", "cut`;
  const hits = read(many).search("needle");
  expect([hits.length, hits[0]?.label.length, hits[0]?.label.endsWith("needle")]).toEqual([MAX_HITS, 60, true]);
});

test.each([
  [[], 1, -1],
  [[2], 1, -1],
  [[1], 1, 0],
  [[0, 0, 3], 2, 1],
  [[0, 0, 3], 9, 2],
])("the last of %j up to %s is number %s", (numbers, limit, index) => expect(lastUpTo(numbers, limit)).toBe(index));

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
    "https://lab.example/api/sessions/s%2F1/recording?keyframes=true",
    { authorization: "Bearer jwt" },
  ]);
  expect(places()).toEqual(["0:04 A new shell: the one before was lost.", "0:06 The end, exit code 3"]);
  await vi.waitFor(() => expect(made.create).toHaveBeenCalledOnce());
  const [driver, , options] = made.create.mock.calls[0] ?? [];
  expect([driver({ dispatch: vi.fn() }).getDuration(), options]).toEqual([6, { fit: "both", controls: true }]);
  fireEvent.click(screen.getByRole("button", { name: /new shell/ }));
  // Behind it, because asciinema's sum of the same times may be a little larger.
  expect(players[0]?.seek.mock.calls).toEqual([[4.001]]);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "total" } });
  expect([places(), screen.getByRole("status").textContent]).toEqual([["0:03 total 12"], "1 hit"]);
});

/** An answer that comes in pieces. */
function held() {
  let pieces: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      pieces = controller;
    },
  });
  answer.mockResolvedValueOnce(new Response(body));
  const lines = CAST.split("\n");
  return {
    come: (from: number, to: number) =>
      pieces?.enqueue(
        new TextEncoder().encode(
          lines
            .slice(from, to)
            .map((line) => `${line}\n`)
            .join(""),
        ),
      ),
    end: () => pieces?.close(),
    fail: () => pieces?.error(new TypeError("network error")),
  };
}
const loading = () => screen.queryByText("The rest is loading. You can play and search the part that is here.");

test("the part that has come is played, listed and found, and the rest goes on in the same player", async () => {
  const { come, end } = held();
  shown();
  come(0, 2);
  await playerNumber(1);
  expect([screen.queryByText("Loading the recording…"), loading() !== null, places()]).toEqual([null, true, []]);
  come(2, 5);
  await vi.waitFor(() => expect(places()).toEqual(["0:04 A new shell: the one before was lost."]));
  expect([duration(), loading() !== null]).toEqual([4, true]);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "l" } });
  await vi.waitFor(() => expect(places()).toEqual(["0:01 $ ls -la", "0:03 total 12", "0:03 Makefile"]));
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "" } });
  come(5, 6);
  end();
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  expect([duration(), loading(), players.length]).toEqual([6, null, 1]);
});

test("one that breaks off says so, and is loaded again from its start", async () => {
  const { come, fail } = held();
  shown();
  come(0, 2);
  const first = await playerNumber(1);
  fail();
  await vi.waitFor(() => expect(screen.getByRole("alert").textContent).toContain("The recording cannot be loaded."));
  expect([loading(), first.dispose.mock.calls.length]).toEqual([null, 1]);
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  await playerNumber(2);
});

test("another speed goes on at the same place, and plays on", async () => {
  shown();
  const first = await playerNumber(1);
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  first.tell("play");
  first.time = 3.5;
  chooseSpeed(4);
  const second = await playerNumber(2);
  await vi.waitFor(() => expect(second.play).toHaveBeenCalledOnce());
  const driver = made.create.mock.calls[1]?.[0]({ dispatch: vi.fn() });
  driver.play();
  expect(driver.getTiming().rate).toBe(4);
  driver.stop();
  expect([second.seek.mock.calls, first.dispose.mock.calls.length]).toEqual([[[3.5]], 1]);
  second.tell("pause");
  second.time = 5;
  chooseSpeed(8);
  const third = await playerNumber(3);
  await vi.waitFor(() => expect(third.seek.mock.calls).toEqual([[5]]));
  expect(third.play).not.toHaveBeenCalled();
});

test.each([
  ["the place", false, 5],
  ["a mark that was clicked meanwhile", true, 4.001],
])("two changes in a row keep %s", async (_, clicks, time) => {
  shown();
  const first = await playerNumber(1);
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  first.time = 5;
  first.tell("play");
  const slow = new FakePlayer();
  let arrive = () => {};
  const arrival = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  slow.seek.mockReturnValue(arrival);
  made.create.mockImplementationOnce(() => {
    players.push(slow);
    return slow;
  });
  chooseSpeed(2);
  await playerNumber(2);
  // It has not moved there yet.
  if (clicks) fireEvent.click(screen.getByRole("button", { name: /new shell/ }));
  chooseSpeed(4);
  arrive();
  const third = await playerNumber(3);
  await vi.waitFor(() => expect(third.play).toHaveBeenCalledOnce());
  expect(third.seek.mock.calls).toEqual([[time]]);
  expect(slow.play).not.toHaveBeenCalled();
});

test("with other silences the same moment goes on", async () => {
  shown();
  const first = await playerNumber(1);
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  // Half a second into the silence, and the last half second of it.
  for (const [time, whole, short] of [
    [1.5, 1.5, 1.5],
    [3.25, 61.25, 3.25],
  ] as const) {
    const at = players.at(-1) as FakePlayer;
    at.time = time;
    const count = players.length;
    fireEvent.click(screen.getByRole("checkbox"));
    const long = await playerNumber(count + 1);
    expect(duration()).toBe(72);
    await vi.waitFor(() => expect(long.seek.mock.calls).toEqual([[whole]]));
    fireEvent.click(screen.getByRole("checkbox"));
    const back = await playerNumber(count + 2);
    expect(duration()).toBe(6);
    await vi.waitFor(() => expect(back.seek.mock.calls).toEqual([[short]]));
  }
  expect(first.dispose).toHaveBeenCalledOnce();
});

test("a place in a long silence is its end where silence is short", async () => {
  shown();
  await playerNumber(1);
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  fireEvent.click(screen.getByRole("checkbox"));
  (await playerNumber(2)).time = 40;
  fireEvent.click(screen.getByRole("checkbox"));
  const short = await playerNumber(3);
  await vi.waitFor(() => expect(short.seek.mock.calls).toEqual([[3]]));
});

test("another session begins at its start", async () => {
  const { rerender } = shown();
  const first = await playerNumber(1);
  first.tell("play");
  first.time = 5;
  rerender(player("s/2"));
  const second = await playerNumber(2);
  await vi.waitFor(() => expect(places()).toHaveLength(2));
  expect([second.seek.mock.calls, second.play.mock.calls]).toEqual([[], []]);
});

test("the end of one session's recording never shows in the place of another's", async () => {
  const { come, end } = held();
  const { rerender } = shown();
  come(0, 5);
  await vi.waitFor(() => expect(places()).toHaveLength(1));
  let second: ((answer: Response) => void) | undefined;
  answer.mockImplementationOnce(() => new Promise((resolve) => (second = resolve)));
  rerender(player("s/2"));
  end();
  // A piece that is sent later the same way comes later.
  const later = new Response("later").body?.pipeThrough(new TextDecoderStream());
  await act(async () => {
    for await (const piece of later ?? []) expect(piece).toBe("later");
  });
  screen.getByText("Loading the recording…");
  second?.(new Response(CAST));
  await vi.waitFor(() => expect(places()).toHaveLength(2));
});

test("a player that cannot be loaded says so, until it can", async () => {
  made.create.mockImplementationOnce(() => {
    throw new Error("no WebAssembly");
  });
  shown();
  await vi.waitFor(() => expect(screen.getByRole("alert").textContent).toContain("The player cannot be loaded."));
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await playerNumber(1);
  expect(screen.queryByRole("alert")).toBeNull();
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
