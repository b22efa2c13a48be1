/**
 * Shows a dialog above the page while it is mounted.
 */

"use client";

import { type RefObject, useEffect, useRef } from "react";

/** Returns the `ref` of the `<dialog>`. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return dialog;
}
