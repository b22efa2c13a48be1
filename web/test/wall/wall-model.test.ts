/**
 * A wall put together from news, and the order of its tiles.
 */

import { describe, expect, test } from "vitest";
import { HelpOrder, WallModel, type WallSession } from "../../src/core/index.ts";

const row = (id: string, change: Partial<WallSession> = {}): WallSession => ({
  id,
  name: id,
  state: "here",
  ...change,
});
const tile = (id: string, lines: [number, string][]) => ({
  ...{ id, at: 1, cols: 80, rows: 3 },
  lines: lines.map(([row, text]): [number, string, []] => [row, text, []]),
});
const frame = (v: number, rest: { full?: boolean; part?: number; parts?: number } = {}) => ({
  v,
  part: 1,
  parts: 1,
  ...rest,
});

describe("a wall", () => {
  test("puts rows and changed lines together", () => {
    const wall = new WallModel();
    wall.apply(frame(1, { full: true }), {
      sessions: [row("a")],
      tiles: [
        tile("a", [
          [0, "one"],
          [2, "three"],
        ]),
      ],
    });
    const before = wall.screens.get("a");
    wall.apply(frame(2), { tiles: [tile("a", [[1, "two"]])] });
    expect(wall.screens.get("a")?.lines.map(([text]) => text)).toEqual(["one", "two", "three"]);
    expect(wall.screens.get("a")?.lines[0]).toBe(before?.lines[0]);
    wall.apply(frame(3), { gone: ["a"] });
    expect([wall.sessions.size, wall.screens.size]).toEqual([0, 0]);
  });

  test("forgets what a full update does not name, once all of it is there", () => {
    const wall = new WallModel();
    wall.apply(frame(1, { full: true }), { sessions: [row("a"), row("b")] });
    expect(wall.apply(frame(2, { full: true, parts: 2 }), { sessions: [row("b")] })).toBe(false);
    expect([...wall.sessions.keys()]).toEqual(["a", "b"]);
    expect(wall.apply(frame(2, { full: true, part: 2, parts: 2 }), { sessions: [row("c")] })).toBe(true);
    expect([...wall.sessions.keys()]).toEqual(["b", "c"]);
  });

  test("notices what was lost", () => {
    const wall = new WallModel();
    expect(wall.expects(frame(2))).toBe(false);
    wall.apply(frame(1, { full: true }), {});
    expect([wall.expects(frame(2)), wall.expects(frame(3)), wall.expects(frame(3, { full: true }))]).toEqual([
      true,
      false,
      true,
    ]);
    wall.apply(frame(2, { parts: 3 }), {});
    expect([wall.expects(frame(2, { part: 2 })), wall.expects(frame(2, { part: 3 }))]).toEqual([true, false]);
  });
});

describe("the order of help", () => {
  const now = 1_000_000;
  const sorted = (order: HelpOrder, rows: WallSession[], held: boolean, at: number) =>
    order.sort(new Map(rows.map((row) => [row.id, row])), held, at);

  test("of names is that of their numbers", () => {
    const rows = ["Student 10", "Student 9", "Student 1"].map((name, at) => row(`${at}`, { name }));
    expect(sorted(new HelpOrder(), rows, false, now)).toEqual(["2", "1", "0"]);
  });

  test("is hand, failed command, idle, name", () => {
    const rows = [
      row("d"),
      row("c", { activeAt: 0 }),
      row("b", { exitCode: 1 }),
      row("a", { hand: 5 }),
      row("e", { hand: 4 }),
    ];
    expect(sorted(new HelpOrder(), rows, false, now)).toEqual(["e", "a", "b", "c", "d"]);
  });

  test("moves at most once in five seconds, and never under the pointer", () => {
    const order = new HelpOrder();
    const calm = [row("a"), row("b")];
    const failed = [row("a"), row("b", { exitCode: 2 })];
    expect(sorted(order, calm, false, now)).toEqual(["a", "b"]);
    expect(sorted(order, failed, true, now)).toEqual(["a", "b"]);
    expect(sorted(order, failed, false, now)).toEqual(["b", "a"]);
    expect(sorted(order, calm, false, now + 4999)).toEqual(["b", "a"]);
    expect(sorted(order, calm, false, now + 5000)).toEqual(["a", "b"]);
    expect(sorted(order, [row("0"), ...calm], true, now + 20_000)).toEqual(["a", "b", "0"]);
  });
});
