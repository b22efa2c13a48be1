/**
 * The people who were removed from the session for good, each with a button that lets them back in.
 */

"use client";

import { useCallback, useEffect, useState } from "react";
import type { Removals, Removed } from "./access.ts";
import { timeOf } from "./time-of.ts";

export function RemovedList({ removals }: { removals: Removals }) {
  const [removed, setRemoved] = useState<readonly Removed[]>([]);
  const [status, setStatus] = useState("");

  const failed = useCallback((error: unknown) => setStatus(error instanceof Error ? error.message : String(error)), []);
  useEffect(() => {
    removals.list().then(setRemoved, failed);
  }, [removals, failed]);
  const letIn = async (member: string) => {
    try {
      await removals.letIn(member);
      setRemoved(await removals.list());
      setStatus("Let back in: their link works again");
    } catch (error) {
      failed(error);
    }
  };
  return (
    <section aria-label="Removed for good" className="removed">
      {removed.map(({ member, until }) => (
        <div key={member} className="row">
          <span>Removed, and kept out until {timeOf(until * 1000)}</span>
          <button type="button" onClick={() => letIn(member)}>
            Let back in
          </button>
        </div>
      ))}
      <output>{status}</output>
    </section>
  );
}
