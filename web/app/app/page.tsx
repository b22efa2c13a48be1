/**
 * Terminals that fill the window: the example of how a page uses the component, and what `make run` opens.
 */

"use client";

import { useEffect, useState } from "react";
import { type Door, findDoor } from "./access.ts";
import { remembered, type Tabs } from "./tabs.ts";
import { Workspace } from "./workspace.tsx";

export default function Page() {
  const [found, setFound] = useState<{ door: Door; tabs: Tabs } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let gone = false;
    findTabs().then(
      (tabs) => gone || setFound(tabs),
      (error: unknown) => gone || setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, []);

  if (found) return <Workspace door={found.door} initial={found.tabs} />;
  return (
    <main className="opening" role="status">
      {problem ?? "Opening…"}
    </main>
  );
}

async function findTabs(): Promise<{ door: Door; tabs: Tabs }> {
  const door = findDoor();
  const ids = door.several ? remembered(door.wanted) : [];
  const open = await Promise.all((ids.length > 0 ? ids : [door.wanted]).map((id) => door.open(id)));
  return { door, tabs: { open, shown: door.wanted ?? open[0]?.sessionId ?? "" } };
}
