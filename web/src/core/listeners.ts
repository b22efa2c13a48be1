/**
 * Who wants to hear of something.
 */

/** Functions that are called with the same arguments, in the order in which they came. */
export class Listeners<A extends unknown[]> {
  #all = new Set<(...args: A) => void>();

  /** The answer ends it. */
  add(listener: (...args: A) => void): () => void {
    this.#all.add(listener);
    return () => void this.#all.delete(listener);
  }

  tell(...args: A): void {
    for (const listener of [...this.#all]) {
      try {
        listener(...args);
      } catch (error) {
        // A page's mistake is the page's to see, and not to stop the terminal in the middle of a step.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
