/**
 * The second connection of a page, where messages of one connection wait for each other.
 */

import { describe, expect } from "vitest";
import type { ClientOptions } from "../../src/core/index.ts";
import type { Dispatch } from "../../src/protocol/generated.ts";
import { EPOCH, Harness, test } from "../support/harness.ts";
import type { FakeSocket } from "../support/socket.ts";

const CARRY_MS = 10_000;
const MINUTE_MS = 60_000;
/** An answer to an attach that does not name the kind of dispatch. */
const UNKNOWN = { dispatch: undefined } as object;

const isCarrier = ({ url }: FakeSocket) => new URL(url).searchParams.get("carrier") === "1";

/** A page in a serial world, and its carriers. */
class SerialPage {
  readonly harness: Harness;
  readonly statuses: string[] = [];

  constructor(options: Partial<ClientOptions> = {}, dispatch: Dispatch | "unknown" = "serial") {
    this.harness = new Harness(options).attach(dispatch === "unknown" ? UNKNOWN : { dispatch });
    this.harness.client.subscribe(() => this.statuses.push(this.harness.client.state.status));
    this.harness.clock.advance(0);
  }

  get carriers(): FakeSocket[] {
    return this.harness.sockets.filter(isCarrier);
  }

  /** The youngest. */
  get carrier(): FakeSocket {
    const carrier = this.carriers.at(-1);
    if (!carrier) throw new Error("no carrier was opened");
    return carrier;
  }

  get first(): FakeSocket {
    return this.harness.sockets.filter((socket) => !isCarrier(socket)).at(-1) as FakeSocket;
  }

  get carries(): number {
    return this.carrier.of("carry").length;
  }

  readonly #answers = new Map<FakeSocket, number>();

  /** Opens the youngest carrier and answers its first carry. */
  carried(): this {
    this.carrier.onopen?.();
    this.answer();
    return this;
  }

  answer(socket = this.carrier): void {
    this.#answers.set(socket, (this.#answers.get(socket) ?? 0) + 1);
    socket.receive({ type: "carried", epoch: EPOCH, carryMs: CARRY_MS });
  }

  /** Number of answers on the youngest carrier. */
  get answers(): number {
    return this.#answers.get(this.carrier) ?? 0;
  }

  refuse(code: string, retryable = false): void {
    this.carrier.receive({ type: "error", code, message: "no", retryable });
  }

  learn(dispatch: "serial" | "concurrent"): void {
    this.first.receive({ type: "pong", timestamp: 1, dispatch });
  }

  /** Lets time pass while everything is answered. */
  live(ms: number, until = () => false): void {
    for (let passed = 0; passed < ms && !until(); passed += 5000) {
      this.harness.clock.advance(5000);
      for (const socket of this.harness.sockets.filter(({ closed }) => !closed)) {
        if (!isCarrier(socket)) socket.receive({ type: "pong", timestamp: 1 });
        else if (socket.of("carry").length > (this.#answers.get(socket) ?? 0)) this.answer(socket);
      }
    }
  }
}

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

/** The answer to a repeated attach. */
const attachedAgain = () => ({
  ...{ type: "attached", sessionId: "s1", client: "c1", pos: 0, inputSeq: 0, cols: 80, rows: 24, role: "controller" },
  ...{ tty: { echo: true, canonical: true }, followMs: 20_000, dispatch: "serial", epoch: EPOCH, head: 0 },
  limits: { frameBytes: 32768, inputWindowBytes: 65536, ackStepBytes: 65536 },
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

const revoked = { type: "error", code: "REVOKED", message: "no", retryable: false };
const exit = { type: "event", kind: "exit", epoch: EPOCH, pos: 0, head: 1, exitCode: 0, reason: "exited" };
