/**
 * What must not be missed: the shell on the screen is not the one that was there before. It lies over the terminal, so that
 * nothing jumps, and stays until somebody has seen it.
 */

"use client";

export function Banner({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <div className="tg-banner" role="alert">
      <span>
        <b>{text}.</b> What ran before is gone.
      </span>
      <button type="button" aria-label="Dismiss" onClick={onClose}>
        ✕
      </button>
    </div>
  );
}
