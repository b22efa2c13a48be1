/**
 * Predicted echo: what is shown at once, later, or never, and how a wrong prediction ends.
 */

import { describe, expect, test } from "vitest";
import type { PredictMode } from "../../src/core/index.ts";
import { EchoTime } from "../../src/core/prediction/echo-time.ts";
import { ECHO_HOLD_MS } from "../../src/protocol/generated.ts";
import { type Network, PredictedTyping } from "../support/predicted-typing.ts";
import fc from "../support/property.ts";
import { seeded } from "../support/random.ts";
import {
  LineEditor,
  LineReader,
  ModalEditor,
  SilentProgram,
  type SimulatedShell,
  SuggestingEditor,
} from "../support/simulated-shells.ts";

/** 150 ms there and back, without losses. */
const SLOW: Network = { delay: () => 75, loses: () => false, splits: () => false };

const typing = (shell: SimulatedShell, mode: PredictMode = "always", network = SLOW) =>
  new PredictedTyping(shell, network, mode);

describe("at a shell's prompt", () => {
  test("characters, Backspace and cursor keys show at once", () => {
    const typist = typing(new LineEditor()).type("l", "x", "\x7f", "s", " ");
    expect([typist.seen, typist.predictor.display?.cursor]).toEqual(["$ ls", 5]);
    typist.type("a", "\x1b[D", "-");
    expect([typist.seen, typist.predictor.display?.cursor]).toEqual(["$ ls -a", 6]);
    typist.wait(1000);
    expect([typist.predicted, typist.plain.content]).toEqual(["", "$ ls -a"]);
    expect(typist.predictor.outcomes).toMatchObject({ shownAtOnce: 8, confirmed: 8, refuted: 0 });
  });

  test("Backspace stops at the prompt, and a line at the right margin", () => {
    const typist = typing(new LineEditor()).type("\x7f", "\x1b[D", "\x1b[C");
    expect([typist.seen, typist.predictor.display?.cursor]).toEqual(["$", 2]);
    typist.type(..."x".repeat(60));
    expect(typist.predicted).toBe("x".repeat(37));
    typist.wait(1000);
    expect(typist.predictor.outcomes.refuted).toBe(0);
  });

  test("keys behind Enter show once the next prompt is there", () => {
    const typist = typing(new LineEditor()).type("l", "s", "\r", "p", "w");
    expect(typist.seen).toBe("$ ls");
    typist.wait(149).type("d");
    expect(typist.predicted).toBe("ls");
    typist.wait(2);
    expect([typist.seen, typist.predicted]).toEqual(["$ pwd", "d"]);
    typist.wait(1000).type("x");
    expect([typist.seen, typist.screen.content]).toEqual(["$ pwdx", "$ ls\n$ pwd"]);
  });

  test("wide characters take two columns, and uncertain ones are not predicted", () => {
    const typist = typing(new LineEditor()).type("日", "本", "é");
    expect([typist.seen, typist.predictor.display?.cursor]).toEqual(["$ 日本é", 7]);
    const emoji = typing(new LineEditor()).type("😀", "a");
    expect(emoji.predicted).toBe("");
  });

  test("nothing shows at a prompt that does not echo", () => {
    const typist = typing(new LineEditor()).type("q", "\r").wait(1000);
    expect(typist.type("s", "e").predicted).toBe("");
    typist.wait(1000);
    expect(typist.type("c").predicted).toBe("");
  });
});

describe("elsewhere", () => {
  test("characters show once the program has confirmed one, until a key that may change that", () => {
    const typist = typing(new ModalEditor()).type("i", "a", "b");
    expect(typist.predicted).toBe("");
    typist.wait(1000).type("c");
    expect(typist.seen).toBe("abc");
    typist.type("\x1b", "x");
    expect(typist.seen).toBe("abc");
    typist.wait(1000);
    expect(typist.predicted).toBe("");
    expect(typist.predictor.outcomes).toMatchObject({ confirmed: 1, refuted: 0 });
  });

  test("within a line, characters show once it is known what happens to the text behind them", () => {
    // A line editor without marks, as of Python, and one whose suggestion is replaced.
    for (const [moves, expected] of [
      [true, "ab12rest"],
      [false, "ab123456"],
    ] as const) {
      const typist = typing(new SuggestingEditor(moves)).type("a").wait(400).type("b").wait(400).type("1");
      expect(typist.predicted).toBe("");
      typist.wait(400).type("2");
      expect(typist.predicted).toContain("2");
      expect(typist.seen).toBe(expected);
      typist.wait(400);
      expect([typist.predictor.outcomes.refuted, typist.plain.content]).toEqual([0, expected]);
    }
  });

  test("a line that the terminal echoes shows from its second character, and a password never", () => {
    const typist = typing(new LineReader()).type("a").wait(200).type("d", "a");
    expect(typist.seen).toBe("name: ada");
    typist.type("\r").wait(200);
    for (const character of "secret") expect(typist.type(character).wait(90).predicted).toBe("");
  });

  test("a wrong prediction goes with the frame that refutes it, and then none shows for a while", () => {
    const typist = typing(new ModalEditor()).type("i", "a").wait(200).type("b").wait(200);
    // The program stops to echo for a reason of its own.
    typist.predictor.screenChanged(typist.now);
    typist.wait(200).type("c").wait(200).type("d").wait(200);
    expect(typist.predictor.outcomes.refuted).toBe(0);
    expect(typist.type("e").predicted).toBe("e");
  });
});

describe("the mode", () => {
  test("`never` shows nothing, and `auto` only where the echo takes more than 30 ms", () => {
    expect(typing(new LineEditor(), "never").type("a").predicted).toBe("");
    for (const [ms, shown] of [
      [10, ""],
      [40, "b"],
    ] as const) {
      const network = { ...SLOW, delay: () => ms / 2 };
      expect(typing(new LineEditor(), "auto", network).type("a").wait(200).type("b").predicted).toBe(shown);
    }
  });

  test("unconfirmed text is underlined only where the echo takes more than 80 ms", () => {
    for (const [ms, underlined] of [
      [60, false],
      [150, true],
    ] as const) {
      const typist = typing(new LineEditor(), "always", { ...SLOW, delay: () => ms / 2 });
      expect(typist.type("a").wait(400).type("b").predictor.display?.underlined).toBe(underlined);
    }
  });
});

describe("an echo that the service may have held", () => {
  test("is no sign of a slow connection, nor of a quick one", () => {
    const time = new EchoTime();
    time.estimate(40);
    for (let key = 0; key < 100; key += 1) time.measured(40 + ECHO_HOLD_MS, ECHO_HOLD_MS);
    expect([time.slow, time.verySlow]).toEqual([true, false]);
    time.estimate(120);
    expect(time.verySlow, "a round trip of another kind says more").toBe(true);
  });

  test("still tells that the connection became quick, or slow", () => {
    const time = new EchoTime();
    time.measured(50);
    for (let key = 0; key < 100; key += 1) time.measured(10, ECHO_HOLD_MS);
    expect(time.slow).toBe(false);
    for (let key = 0; key < 100; key += 1) time.measured(100 + ECHO_HOLD_MS, ECHO_HOLD_MS);
    expect(time.verySlow).toBe(true);
  });
});

const shells = fc.constantFrom(
  () => new LineEditor(),
  () => new LineReader(),
  () => new ModalEditor(),
  () => new SilentProgram(),
);
const chance = fc.double({ min: 0, max: 0.3, noNaN: true });
const keys = fc.array(
  fc.record({
    key: fc.constantFrom(
      ..."abcdefgpqi ",
      "\r",
      "\r",
      "\x7f",
      "\x1b[D",
      "\x1b[C",
      "\x1b[A",
      "\x1b",
      "\t",
      "\x03",
      "pasted",
    ),
    pause: fc.constantFrom(0, 20, 90, 90, 180, 400, 2000),
  }),
  { minLength: 1, maxLength: 60 },
);

test("with any program, delay and loss, nothing secret shows and nothing stays", () => {
  const conversation = (
    create: () => SimulatedShell,
    delayMs: number,
    loss: number,
    split: number,
    seed: number,
    typed: typeof keys extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    const random = seeded(seed);
    const network = {
      delay: () => delayMs * (1 + random()),
      loses: () => random() < loss,
      splits: () => random() < split,
    };
    const shadow = create();
    shadow.start();
    const typist = new PredictedTyping(create(), network);
    for (const { key, pause } of typed) {
      // Digits are typed only where no echo will come.
      const isSecret = !shadow.echoes && key.length === 1 && key > " " && key !== "i" && key !== "\x7f" && key !== "q";
      const text = isSecret ? "7" : key;
      shadow.key(text);
      typist.type(text);
      expect(typist.predicted).not.toContain("7");
      typist.wait(pause);
      expect(typist.predicted).not.toContain("7");
    }
    typist.wait(5000);
    expect(typist.predictor.display).toBeUndefined();
    expect(typist.screen.content).toBe(typist.plain.content);
    expect(typist.screen.followed).toBeLessThanOrEqual(2);
  };
  fc.assert(fc.property(shells, fc.integer({ min: 1, max: 300 }), chance, chance, fc.nat(), keys, conversation), {
    numRuns: 500,
    seed: 1,
  });
});
