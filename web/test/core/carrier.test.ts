/**
 * The second connection of a page, where messages of one connection wait for each other: opening, carrying, closing.
 */

import { describe, expect, test } from "vitest";
import { EPOCH, Harness } from "../support/harness.ts";
import { attachedAgain, CARRY_MS, SerialPage } from "../support/serial-page.ts";

const MINUTE_MS = 60_000;

const revoked = { type: "error", code: "REVOKED", message: "no", retryable: false };
const exit = { type: "event", kind: "exit", epoch: EPOCH, pos: 0, head: 1, exitCode: 0, reason: "exited" };

describe("a carrier is opened", () => {
  test("at once, and says what it belongs to, if the attach names serial dispatch", () => {
    const page = new SerialPage();
    expect(page.carriers).toHaveLength(1);
    expect(new URL(page.carrier.url).searchParams.get("sessionId")).toBe("s1");
    page.carrier.onopen?.();
    expect(page.carrier.sent).toEqual([{ type: "carry", client: "c1", epoch: EPOCH }]);
  });

  test.each(["concurrent", "unknown"] as const)("not if dispatch is %s", (dispatch) => {
    const page = new SerialPage({}, dispatch);
    page.live(5 * MINUTE_MS);
    expect(page.carriers).toEqual([]);
  });

  test("a second after a pong, at random, and only once", () => {
    const page = new SerialPage({}, "unknown");
    page.learn("serial");
    page.harness.clock.advance(999);
    expect(page.carriers).toEqual([]);
    page.learn("serial");
    page.harness.clock.advance(1);
    expect(page.carriers).toHaveLength(1);
    page.learn("serial");
    page.harness.clock.advance(2000);
    expect(page.carriers).toHaveLength(1);
  });

  test("not by a hidden page, until it is shown", () => {
    const page = new SerialPage({}, "unknown");
    page.harness.page.hide();
    page.learn("serial");
    page.live(MINUTE_MS);
    expect(page.carriers).toEqual([]);
    page.harness.page.show();
    page.harness.clock.advance(0);
    expect(page.carriers).toHaveLength(1);
  });

  test("with a token of its own, as a subprotocol too", async () => {
    let tokens = 0;
    const page = new SerialPage({ token: "fixed", tokenIn: "subprotocol" });
    expect(page.carrier.protocols).toEqual(["termgate", "fixed"]);
    const fetching = new Harness({ token: () => `t${++tokens}` });
    fetching.client.connect();
    fetching.clock.advance(0);
    await Promise.resolve().then(() => {});
    fetching.answer({ dispatch: "serial" });
    fetching.clock.advance(0);
    await Promise.resolve().then(() => {});
    expect(fetching.tokens).toEqual(["t1", "t2"]);
  });
});

describe("carry", () => {
  test("follows carryMs after each answer, never two at once", () => {
    const page = new SerialPage().carried();
    page.harness.clock.advance(CARRY_MS - 1);
    expect(page.carries).toBe(1);
    page.harness.clock.advance(1);
    expect(page.carries).toBe(2);
    page.harness.clock.advance(2 * CARRY_MS);
    page.learn("serial");
    expect(page.carries).toBe(2);
    page.answer();
    page.harness.clock.advance(CARRY_MS);
    expect(page.carries).toBe(3);
  });

  test("is sent at once on a renew, beside the follow, unless one is unanswered", () => {
    const page = new SerialPage().carried();
    const renew = () => page.first.receive({ type: "renew", epoch: EPOCH });
    page.harness.clock.advance(1000);
    renew();
    expect([page.carries, page.first.of("follow").length]).toEqual([2, 1]);
    renew();
    expect([page.carries, page.first.of("follow").length]).toEqual([2, 2]);
    // The carry that was planned is replaced.
    page.answer();
    page.harness.clock.advance(CARRY_MS - 1);
    expect(page.carries).toBe(2);
    page.harness.clock.advance(1);
    expect(page.carries).toBe(3);
  });

  test("names the shell's new epoch", () => {
    const page = new SerialPage().carried();
    page.first.receive({ type: "error", code: "NOT_ATTACHED", message: "no", retryable: false });
    page.first.receive({ ...attachedAgain(), epoch: EPOCH + 1 });
    page.harness.clock.advance(CARRY_MS);
    expect(page.carrier.of("carry").at(-1)).toMatchObject({ epoch: EPOCH + 1 });
    expect(page.carriers).toHaveLength(1);
  });

  test("without an answer for 40 s opens another carrier", () => {
    const page = new SerialPage();
    page.carrier.onopen?.();
    for (let waited = 1; waited < 40; waited += 1) {
      page.harness.clock.advance(1000);
      page.first.receive({ type: "pong", timestamp: 1 });
    }
    page.harness.clock.advance(999);
    expect(page.carrier.closed).toBe(false);
    page.harness.clock.advance(1);
    expect(page.carrier.closed).toBe(true);
    page.harness.clock.advance(500);
    expect(page.carriers).toHaveLength(2);
    expect(page.statuses.filter((status) => status !== "connected")).toEqual([]);
  });

  test("is repeated on the same carrier if it was refused for now", () => {
    const page = new SerialPage();
    page.carrier.onopen?.();
    page.refuse("BACKEND_UNREACHABLE", true);
    page.harness.clock.advance(499);
    expect(page.carries).toBe(1);
    page.harness.clock.advance(1);
    expect(page.carries).toBe(2);
    page.refuse("DRAINING", true);
    page.harness.clock.advance(1000);
    expect(page.carries).toBe(3);
    expect(page.carriers).toHaveLength(1);
  });
});

describe("a carrier is closed", () => {
  test("when the page was hidden for so long that it suspends, and opened with the next attach", () => {
    const page = new SerialPage().carried();
    page.harness.page.hide();
    page.live(9 * MINUTE_MS);
    expect(page.carrier.closed).toBe(false);
    page.live(MINUTE_MS);
    expect(page.carrier.closed).toBe(true);
    page.live(30 * MINUTE_MS);
    expect(page.carriers).toHaveLength(1);
    page.harness.page.show();
    page.harness.clock.advance(0);
    expect(page.carriers).toHaveLength(1);
    page.first.receive(attachedAgain());
    page.harness.clock.advance(0);
    expect(page.carriers).toHaveLength(2);
  });

  test.each<[string, (page: SerialPage) => void]>([
    ["a pong names concurrent dispatch", (page) => page.learn("concurrent")],
    ["the first connection is lost", (page) => page.first.end()],
    ["the client disconnects", (page) => page.harness.client.disconnect()],
    ["the page is revoked", (page) => page.harness.sockets[0]?.receive(revoked)],
    ["the shell has exited", (page) => page.first.receive(exit)],
  ])("when %s", (_, happens) => {
    const page = new SerialPage().carried();
    page.harness.clock.advance(1000);
    happens(page);
    expect(page.carrier.closed).toBe(true);
    page.harness.clock.advance(100);
    expect(page.carriers).toHaveLength(1);
  });

  test("and leaves no timer behind", () => {
    const page = new SerialPage().carried();
    page.harness.client.disconnect();
    expect(page.harness.clock.pending).toBe(0);
  });

  test("for good when it is revoked", () => {
    const page = new SerialPage();
    page.carrier.onopen?.();
    page.refuse("REVOKED");
    expect(page.carrier.closed).toBe(true);
    page.live(5 * MINUTE_MS);
    page.first.end();
    page.harness.reattach({ dispatch: "serial" });
    page.live(MINUTE_MS);
    expect(page.carriers).toHaveLength(1);
  });
});
