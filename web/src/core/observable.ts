/**
 * A value with change listeners. It is replaced, never mutated.
 */

import { Listeners } from "./listeners.ts";

/** An object whose fields are compared by identity. */
export class Observable<T extends object> {
  readonly #changed = new Listeners<[]>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  /** The returned function ends the subscription. */
  subscribe(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Replaces the value if a field differs. */
  update(change: Partial<T>): void {
    const fields = Object.keys(change) as Array<keyof T>;
    if (fields.every((field) => Object.is(this.current[field], change[field]))) return;
    this.current = { ...this.current, ...change };
    this.#changed.emit();
  }
}
