/**
 * Input and output over a transport that loses, repeats, reorders and cuts.
 */

import { expect, test } from "vitest";
import { FakeClock } from "../support/clock.ts";
import { type FaultRates, HostileService, NO_FAULTS } from "../support/hostile-service.ts";
import { seeded } from "../support/random.ts";
import { faults, SimulatedUser } from "../support/simulated-user.ts";

const STORM: FaultRates = { ...NO_FAULTS, lose: 0.02, repeat: 0.05, reorder: 0.2, cutAfter: 200, kill: 0.01 };

test.each<[number, FaultRates, boolean]>([
  [1, STORM, true],
  [2, STORM, false],
  [4, { ...STORM, lose: 0.2, repeat: 0.2, reorder: 0.5, cutAfter: 1000 }, true],
  [4, { ...NO_FAULTS, repeat: 0.5, reorder: 1, cutAfter: 60 }, false],
  [5, { ...STORM, snapshot: 1, compress: 1 }, true],
  [6, { ...STORM, snapshot: 0, compress: 0, kill: 0.1 }, false],
  [7, { ...STORM, lose: 0.1, cutAfter: 30 }, true],
])("every key and byte arrives once and in order, seed %i, %o, signals %o", (seed, faultRates, signals) => {
  const clock = new FakeClock();
  const random = seeded(seed);
  const service = new HostileService(clock, random, faultRates, signals);
  const user = new SimulatedUser(clock, service, random);
  for (let step = 0; step < 4000; step += 1) {
    user.type();
    if (random() < 0.05) service.print(1 + Math.floor(random() * 2000));
    if (random() < 0.01) user.interrupt();
    if (random() < 0.005) user.renewToken();
    user.sink.eager = random() < 0.9;
    if (user.sink.eager) user.sink.parse();
    clock.advance(Math.floor(random() * 60));
  }
  expect(user.settles()).toBe(true);
  expect(faults(user, service, signals)).toEqual([]);
  // All predictions end with it.
  expect(user.sink.applied).toBe(user.client.inputLength);
  expect(service.cuts).toBeGreaterThan(3);
});
