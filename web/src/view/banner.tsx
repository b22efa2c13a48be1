/**
 * Reports that the shell is a new one. Overlays the terminal, so that nothing moves, and stays until dismissed.
 */

"use client";

export function Banner({ text, onClose }: { text: string; onClose: () => void }) {
  return (
    <div className="tg-banner" role="alert">
      <span>
        <b>{text}.</b> Its programs are gone.
      </span>
      <button type="button" aria-label="Dismiss" onClick={onClose}>
        ✕
      </button>
    </div>
  );
}
