/**
 * A property test of everything that can happen to a client, in any order: without further faults, it recovers within
 * three minutes. A failing sequence is shrunk before it is shown.
 *
 * Covers input, interrupts, output, slow and replaced emulators, cuts, handovers, sleep, a hidden and shown page,
 * relays that die, loss, repetition and reordering of messages, snapshots in parts, compressed frames, and restarted
 * shells. Leaves out several clients, sizes, commands and rejected tokens.
 */

import { expect, test } from "vitest";
import { FakeClock } from "../support/clock.ts";
import { type FaultRates, HostileService, NO_FAULTS } from "../support/hostile-service.ts";
import fc from "../support/property.ts";
import { seeded } from "../support/random.ts";
import { faults, SimulatedUser } from "../support/simulated-user.ts";

const share = (most: number) => fc.double({ min: 0, max: most, noNaN: true });
const faultRates: fc.Arbitrary<FaultRates> = fc.record({
  ...{
    lose: share(0.5),
    repeat: share(0.5),
    reorder: share(1),
    kill: share(0.5),
    snapshot: share(1),
    compress: share(1),
  },
  cutAfter: fc.oneof(fc.integer({ min: 3, max: 100 }), fc.constant(Number.POSITIVE_INFINITY)),
});

interface World {
  clock: FakeClock;
  service: HostileService;
  user: SimulatedUser;
}
type Step = { name: string; value?: unknown; run: (world: World) => void };

const step = (name: string, run: (world: World) => void) => fc.constant<Step>({ name, run });
const steps = <T>(name: string, values: fc.Arbitrary<T>, run: (world: World, value: T) => void) =>
  values.map<Step>((value) => ({ name, value, run: (world) => run(world, value) }));

const anything = fc.oneof(
  { arbitrary: steps("type", fc.integer({ min: 1, max: 80 }), ({ user }, count) => user.type(count)), weight: 4 },
  { arbitrary: steps("wait", fc.integer({ min: 0, max: 3000 }), ({ clock }, ms) => clock.advance(ms)), weight: 8 },
  steps("wait long", fc.integer({ min: 0, max: 1_000_000 }), ({ clock }, ms) => clock.advance(ms)),
  steps("sleep", fc.integer({ min: 0, max: 4_000_000 }), ({ clock }, ms) => clock.sleep(ms)),
  steps("print", fc.integer({ min: 1, max: 50_000 }), ({ service }, count) => service.print(count)),
  steps("fault rates", faultRates, ({ service }, value) => {
    service.faultRates = value;
  }),
  steps("emulator parses", fc.boolean(), ({ user }, eager) => {
    user.sink.eager = eager;
    if (eager) user.sink.parse();
  }),
  step("interrupt", ({ user }) => user.interrupt()),
  step("another emulator", ({ user }) => user.attachEmulator()),
  step("cut", ({ service }) => service.cut()),
  step("another token", ({ user }) => user.renewToken()),
  step("hide", ({ user }) => user.page.hide()),
  step("show", ({ user }) => user.page.show()),
  step("online", ({ user }) => user.page.goOnline()),
  step("leave and return", ({ user }) => {
    user.client.disconnect();
    user.client.connect();
  }),
);
const restart = step("another shell", ({ service }) => service.restart());

function stalls(what: fc.Arbitrary<Step[]>, signals: fc.Arbitrary<boolean>, numRuns: number): void {
  const property = fc.property(what, signals, fc.integer(), (happens, withSignals, seed) => {
    const clock = new FakeClock();
    const random = seeded(seed);
    const service = new HostileService(clock, random, NO_FAULTS, withSignals);
    const world = { clock, service, user: new SimulatedUser(clock, service, random) };
    for (const { run } of happens) run(world);
    service.faultRates = NO_FAULTS;
    expect(world.user.settles()).toBe(true);
    expect(faults(world.user, service, withSignals)).toEqual([]);
    world.user.client.disconnect();
    expect(clock.pending).toBeLessThan(20);
  });
  fc.assert(property, { numRuns });
}

/** More runs: `STALL_RUNS=20000 npx vitest run test/core/stall.test.ts`. */
const RUNS = Number(process.env.STALL_RUNS ?? 200);
const timeout = 60_000 + RUNS * 50;
const LONGEST = { maxLength: 60, size: "max" } as const;

test("nothing stalls, and nothing is lost, repeated or reordered", { timeout }, () => {
  stalls(fc.array(anything, LONGEST), fc.boolean(), RUNS);
});

test("the same with restarts of the shell", { timeout }, () => {
  const often = fc.oneof({ arbitrary: anything, weight: 12 }, { arbitrary: restart, weight: 1 });
  stalls(fc.array(often, LONGEST), fc.boolean(), RUNS);
});
