/**
 * A value that is replaced, never changed, and whoever wants to know when.
 */

import { Listeners } from "./listeners.ts";

/** An object of fields, each compared by identity. */
export class Observed<T extends object> {
  readonly #changed = new Listeners<[]>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  /** The answer ends it. */
  subscribe(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Replaces the value when any field is another. */
  update(change: Partial<T>): void {
    const fields = Object.keys(change) as Array<keyof T>;
    if (fields.every((field) => Object.is(this.current[field], change[field]))) return;
    this.current = { ...this.current, ...change };
    this.#changed.tell();
  }
}
