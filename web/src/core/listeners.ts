/**
 * A set of event listeners.
 */

/** Called in the order in which they were added. */
export class Listeners<A extends unknown[]> {
  #listeners = new Set<(...args: A) => void>();

  /** The returned function removes the listener. */
  add(listener: (...args: A) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(...args: A): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(...args);
      } catch (error) {
        // The page sees its own exception, which must not interrupt the client halfway through a step.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
