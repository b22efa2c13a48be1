/**
 * A terminal that fills the window: the example of how a page uses the hook, and what `make run` opens.
 */

"use client";

import { useEffect, useState } from "react";
import { type Access, findAccess } from "./access.ts";
import { Console } from "./console.tsx";

export default function Page() {
  const [access, setAccess] = useState<Access | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let gone = false;
    findAccess().then(
      (found) => gone || setAccess(found),
      (error: unknown) => gone || setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, []);

  if (access) return <Console access={access} />;
  return (
    <main className="notice" role="status">
      {problem ?? "Opening…"}
    </main>
  );
}
