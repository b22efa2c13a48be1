/**
 * Promises that are resolved already get to run what waits for them.
 */

/** Resolves behind everything that needs no timer. */
export function flushPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
