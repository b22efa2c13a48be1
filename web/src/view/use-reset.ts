/**
 * State that belongs to one session, in a component that shows another one later.
 */

"use client";

import { useState } from "react";

/** Calls `reset`, which sets state of the same component, before it shows anything of another `key`. */
export function useReset(key: unknown, reset: () => void): void {
  const [known, know] = useState({ key });
  if (known.key === key) return;
  know({ key });
  reset();
}
