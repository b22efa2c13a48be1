/**
 * For a moment, the closing of a tab can be taken back: until then its session goes on, out of sight.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import type { Access } from "./access.ts";

/** Time to take it back. */
const UNDO_MS = 10_000;

/** A closed tab whose session goes on. */
export interface Leaving {
  access: Access;
  name: string;
  /** Its place among the tabs. */
  at: number;
}

/**
 * At most one tab is leaving: `leave` ends the one before at once. `end` ends a session; it is called after a moment, or
 * when the page goes away.
 */
export function useLeaving(end: (sessionId: string) => void) {
  const [leaving, setLeaving] = useState<Leaving | null>(null);
  const finish = useCallback(() => {
    if (leaving) end(leaving.access.sessionId);
    setLeaving(null);
  }, [leaving, end]);
  useEffect(() => {
    if (!leaving) return;
    const timer = setTimeout(finish, UNDO_MS);
    window.addEventListener("pagehide", finish);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", finish);
    };
  }, [leaving, finish]);
  const leave = (next: Leaving) => {
    finish();
    setLeaving(next);
  };
  return { leaving, leave, finish, forget: () => setLeaving(null) };
}

interface UndoCloseProps {
  leaving: Leaving | null;
  onUndo: () => void;
}

/** Always there, because a screen reader reads only what is added to a region that it knows. */
export function UndoClose({ leaving, onUndo }: UndoCloseProps) {
  return (
    <div className="undo" aria-live="polite">
      {leaving && (
        <div className="row">
          <span>“{leaving.name}” is closed</span>
          <button type="button" onClick={onUndo} aria-label={`Undo closing of ${leaving.name}`}>
            Undo
          </button>
        </div>
      )}
    </div>
  );
}
