/**
 * Asks before a paste of several lines that would run one by one.
 */

"use client";

import { useEffect, useId, useRef, useState } from "react";
import { linesOf } from "../xterm/index.ts";

const MAX_SHOWN_LINES = 200;

interface PasteDialogProps {
  text: string;
  /** `askAgain` is false to paste without a question from now on. */
  onAnswer: (paste: boolean, askAgain: boolean) => void;
}

export function PasteDialog({ text, onAnswer }: PasteDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const paste = useRef<HTMLButtonElement>(null);
  const [askAgain, setAskAgain] = useState(true);
  const title = useId();
  const lines = linesOf(text);

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The dialog would focus its first element.
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard */}
      <section className="tg-lines" aria-label="Lines to paste" tabIndex={0}>
        <ol>
          {lines.slice(0, MAX_SHOWN_LINES).map((line, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines never change
            <li key={at}>{line || " "}</li>
          ))}
        </ol>
        {lines.length > MAX_SHOWN_LINES && <p>… and {lines.length - MAX_SHOWN_LINES} more</p>}
      </section>
      <label>
        <input type="checkbox" checked={!askAgain} onChange={(event) => setAskAgain(!event.target.checked)} />
        Do not ask again in this terminal
      </label>
      <div className="tg-buttons">
        <button type="button" onClick={() => onAnswer(false, true)}>
          Cancel
        </button>
        <button ref={paste} type="button" className="tg-primary" onClick={() => onAnswer(true, askAgain)}>
          Paste
        </button>
      </div>
    </dialog>
  );
}
