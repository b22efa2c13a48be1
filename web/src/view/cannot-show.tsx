/**
 * Stands in for a terminal that this browser cannot show. The session goes on without it.
 */

"use client";

export function CannotShow({ onRetry }: { onRetry: () => void }) {
  return (
    <div className="tg-cannot-show" role="alert">
      <p>
        <b>The terminal cannot be shown here.</b> Your programs go on.
      </p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
