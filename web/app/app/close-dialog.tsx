/**
 * Asks before a terminal is closed in which a program may run: nothing brings it back.
 */

"use client";

import { useModal } from "./use-modal.ts";

interface CloseDialogProps {
  /** Name of the tab. */
  name: string;
  onAnswer: (close: boolean) => void;
}

export function CloseDialog({ name, onAnswer }: CloseDialogProps) {
  const dialog = useModal();
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="close-title"
      onCancel={(event) => {
        event.preventDefault();
        onAnswer(false);
      }}
    >
      <h2 id="close-title">Close “{name}”?</h2>
      <p>A program may still be running in this terminal. Closing stops it, and what it has not saved is lost.</p>
      <div className="row end">
        <button type="button" onClick={() => onAnswer(false)}>
          Keep open
        </button>
        <button type="button" className="primary" onClick={() => onAnswer(true)}>
          Close
        </button>
      </div>
    </dialog>
  );
}
