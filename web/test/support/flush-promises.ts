/**
 * Runs the callbacks of resolved promises.
 */

/** Resolves after all pending microtasks. */
export function flushPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
