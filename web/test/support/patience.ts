/**
 * Waits of a unit test end when their condition holds. A second, which both libraries allow, is short on a busy machine.
 */

import { vi } from "vitest";

/** Longest wait, in ms: half of what a test may take. */
const WAIT_MS = 30_000;

const { waitFor } = vi;
vi.waitFor = (condition, options) => waitFor(condition, options ?? { timeout: WAIT_MS });

if (typeof document !== "undefined") {
  const { configure } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: WAIT_MS });
}
