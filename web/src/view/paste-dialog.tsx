/**
 * The question before lines are pasted that would run one after the other.
 */

"use client";

import { useEffect, useId, useRef, useState } from "react";
import { linesOf } from "../xterm/index.ts";

/** More than this many lines nobody reads here. */
const SHOWN_LINES = 200;

interface PasteDialogProps {
  text: string;
  /** `again`: whether to ask the next time, too. */
  onAnswer: (paste: boolean, again: boolean) => void;
}

export function PasteDialog({ text, onAnswer }: PasteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const paste = useRef<HTMLButtonElement>(null);
  const [again, setAgain] = useState(true);
  const title = useId();
  const lines = linesOf(text);

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // By itself it would focus what comes first.
    paste.current?.focus();
    return () => element?.close();
  }, []);

  return (
    <dialog
      ref={dialog}
      className="tg-dialog"
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        onAnswer(false, true);
      }}
    >
      <h2 id={title}>Paste {lines.length} lines?</h2>
      <p>The program in the terminal takes each line as if you had typed it and pressed Enter.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so without a mouse */}
      <section className="tg-lines" aria-label="Lines to paste" tabIndex={0}>
        <ol>
          {lines.slice(0, SHOWN_LINES).map((line, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines never change
            <li key={at}>{line || " "}</li>
          ))}
        </ol>
        {lines.length > SHOWN_LINES && <p>… and {lines.length - SHOWN_LINES} more</p>}
      </section>
      <label>
        <input type="checkbox" checked={!again} onChange={(event) => setAgain(!event.target.checked)} />
        Do not ask again in this terminal
      </label>
      <div className="tg-buttons">
        <button type="button" onClick={() => onAnswer(false, true)}>
          Cancel
        </button>
        <button ref={paste} type="button" className="tg-primary" onClick={() => onAnswer(true, again)}>
          Paste
        </button>
      </div>
    </dialog>
  );
}
