/**
 * A page's second connection that is lost or old, and deadlines while answers may be late.
 */

import { describe, expect, test } from "vitest";
import { EPOCH } from "../support/harness.ts";
import { attachedAgain, CARRY_MS, SerialPage } from "../support/serial-page.ts";
import type { FakeSocket } from "../support/socket.ts";

const MINUTE_MS = 60_000;

describe("a lost carrier", () => {
  test.each<[string, (page: SerialPage) => void]>([
    ["is closed", (page) => page.carrier.end()],
    ["is refused a token", (page) => page.refuse("TOKEN_EXPIRED")],
    ["gets a fault of the gateway", (page) => page.carrier.receive({ message: "Internal server error" })],
  ])("that %s is opened again with growing delays, and the user sees nothing", (_, fails) => {
    const page = new SerialPage({ random: () => 0.999 });
    for (const delay of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      const before = page.carriers.length;
      fails(page);
      expect(page.carrier.closed).toBe(true);
      page.live(delay * 0.9 - 5000);
      expect(page.carriers).toHaveLength(before);
      page.live(10_000, () => page.carriers.length > before);
      expect(page.carriers).toHaveLength(before + 1);
    }
    expect(page.statuses.filter((status) => status !== "connected")).toEqual([]);
    expect([page.harness.errors, page.harness.notices, page.harness.messages.map(({ type }) => type)]).toEqual([
      [],
      [],
      page.harness.messages.map(() => "pong"),
    ]);
  });

  test("that does not open within 20 s is given up", () => {
    const page = new SerialPage();
    page.harness.clock.advance(19_999);
    expect(page.carrier.closed).toBe(false);
    page.harness.clock.advance(1);
    expect(page.carrier.closed).toBe(true);
    page.harness.clock.advance(500);
    expect(page.carriers).toHaveLength(2);
  });

  test.each(["FORBIDDEN", "NOT_ATTACHED", "STALE_EPOCH"])("by %s waits for the next attach", (code) => {
    const page = new SerialPage();
    page.carrier.onopen?.();
    page.refuse(code);
    expect(page.carrier.closed).toBe(true);
    page.harness.clock.advance(14_000);
    expect(page.carriers).toHaveLength(1);
    page.first.receive({ type: "error", code: "NOT_ATTACHED", message: "no", retryable: false });
    page.first.receive(attachedAgain());
    page.harness.clock.advance(499);
    expect(page.carriers).toHaveLength(1);
    page.harness.clock.advance(1);
    expect(page.carriers).toHaveLength(2);
  });

  test.each(["FORBIDDEN", "NOT_ATTACHED", "STALE_EPOCH"])("by %s is opened again after 15 to 30 s", (code) => {
    for (const [random, delay] of [
      [0, 15_000],
      [1, 30_000],
    ] as const) {
      const page = new SerialPage({ random: () => random });
      page.carrier.onopen?.();
      page.refuse(code);
      page.live(delay - 5000);
      expect(page.carriers).toHaveLength(1);
      page.live(5000);
      expect(page.carriers).toHaveLength(2);
    }
  });

  test("by an earlier shell's epoch is opened soon", () => {
    const page = new SerialPage();
    page.carrier.onopen?.();
    page.first.receive({ type: "error", code: "NOT_ATTACHED", message: "no", retryable: false });
    page.first.receive({ ...attachedAgain(), epoch: EPOCH + 1 });
    page.refuse("STALE_EPOCH");
    page.harness.clock.advance(500);
    expect(page.carriers).toHaveLength(2);
  });

  test("is replaced when the machine wakes up", () => {
    const page = new SerialPage().carried();
    page.harness.clock.sleep(70_000);
    page.harness.page.show();
    expect(page.carrier.closed).toBe(true);
    page.harness.clock.advance(0);
    expect(page.carriers).toHaveLength(2);
  });
});

describe("replacing by age", () => {
  test("opens another carrier before the first connection's turn, then closes the former", () => {
    const page = new SerialPage().carried();
    const [former] = page.carriers as [FakeSocket];
    page.live(92 * MINUTE_MS);
    expect(page.carriers).toHaveLength(1);
    page.live(3 * MINUTE_MS, () => page.carriers.length === 2);
    expect(page.carriers).toHaveLength(2);
    page.carrier.onopen?.();
    expect([former.closed, page.carries]).toEqual([false, 1]);
    page.answer();
    expect(former.closed).toBe(true);
    page.harness.clock.advance(CARRY_MS);
    expect(page.carries).toBe(2);
    // The next one follows as long after it.
    page.live(92 * MINUTE_MS, () => page.carriers.length > 2);
    expect(page.carriers).toHaveLength(2);
    page.live(3 * MINUTE_MS, () => page.carriers.length === 3);
    expect(page.carriers).toHaveLength(3);
  });

  test("keeps the former if the other one fails, and tries again", () => {
    const page = new SerialPage().carried();
    const [former] = page.carriers as [FakeSocket];
    page.live(95 * MINUTE_MS, () => page.carriers.length === 2);
    page.carrier.end(1006);
    expect(former.closed).toBe(false);
    page.live(MINUTE_MS, () => page.carriers.length === 3);
    expect(page.carriers).toHaveLength(3);
  });
});

describe("an unanswered ping", () => {
  /** The time until the first connection is given up. */
  function patience({ first, harness }: SerialPage): number {
    const started = harness.clock.now();
    while (!first.closed && harness.clock.now() < started + 60_000) harness.clock.advance(100);
    return harness.clock.now() - started;
  }

  test.each([
    ["concurrent", 15_000],
    ["serial", 35_000],
    ["unknown", 35_000],
  ] as const)("ends a connection under dispatch %s after %d ms", (dispatch, ms) => {
    expect(patience(new SerialPage({}, dispatch))).toBe(ms);
  });

  test("that the named dispatch does not explain is waited for longer on the next connection", () => {
    const page = new SerialPage({}, "concurrent");
    const { clock } = page.harness;
    expect(patience(page)).toBe(15_000);
    const former = page.first;
    while (page.first === former) clock.advance(100);
    page.first.onopen?.();
    page.first.receive({ ...attachedAgain(), dispatch: "concurrent" });
    // An answer that waited for a run proves nothing.
    const ping = page.first.of("ping").at(-1) as { t: number };
    clock.advance(25_000);
    expect(page.first.closed).toBe(false);
    page.first.receive({ type: "pong", timestamp: 1, t: ping.t, dispatch: "concurrent" });
    expect(patience(page)).toBeGreaterThan(30_000);
  });

  test("is waited for 15 s again after an answer in time", () => {
    const page = new SerialPage({}, "concurrent");
    const { clock } = page.harness;
    patience(page);
    const former = page.first;
    while (page.first === former) clock.advance(100);
    page.first.onopen?.();
    page.first.receive({ ...attachedAgain(), dispatch: "concurrent" });
    const pings = () => page.first.of("ping") as unknown as { t: number }[];
    page.first.receive({ type: "pong", timestamp: 1, t: pings().at(-1)?.t, dispatch: "concurrent" });
    const before = pings().length;
    while (pings().length === before) clock.advance(100);
    expect(patience(page)).toBe(15_000);
  });

  test("ends it after 15 s again once a carrier was answered for the life of a relay", () => {
    const page = new SerialPage().carried();
    const { clock } = page.harness;
    // A run of the first connection that began before may still carry.
    page.live(MINUTE_MS);
    const pings = () => page.first.of("ping").length;
    const before = pings();
    const tick = () => {
      clock.advance(100);
      if (page.carries > page.answers) page.answer();
    };
    while (pings() === before) tick();
    const asked = clock.now();
    while (!page.first.closed && clock.now() < asked + MINUTE_MS) tick();
    expect(clock.now() - asked).toBe(15_000);
  });

  test.each([
    ["concurrent", 120],
    ["unknown", 30],
  ] as const)("is not needed while frames arrive, but sent under dispatch %s every %d s", (dispatch, seconds) => {
    const page = new SerialPage({}, dispatch);
    page.live(10_000);
    const pings = () => page.first.of("ping").length;
    const before = pings();
    let passed = 0;
    for (; pings() === before && passed < 200; passed += 1) {
      page.harness.output(passed, "x");
      page.harness.clock.advance(1000);
    }
    expect(Math.abs(passed - seconds)).toBeLessThanOrEqual(5);
  });

  test("is given the same time after a change of the network, and for another attach", () => {
    const page = new SerialPage({}, "unknown");
    page.harness.pong();
    page.harness.page.goOnline();
    expect(patience(page)).toBe(35_000);
    const other = new SerialPage({}, "unknown");
    other.harness.pong();
    other.harness.error("NOT_ATTACHED");
    expect(patience(other)).toBe(35_000);
  });
});

test("keys that are acknowledged 25 s late are sent again with growing delays, and nothing is given up", () => {
  const page = new SerialPage({}, "unknown");
  page.harness.client.input("x");
  page.harness.clock.advance(25_000);
  expect(page.first.of("input").length).toBe(6);
  page.harness.ack(1);
  page.first.receive({ type: "pong", timestamp: 1 });
  expect(page.statuses.filter((status) => status !== "connected")).toEqual([]);
  expect([page.first.closed, page.harness.errors]).toEqual([false, []]);
});
