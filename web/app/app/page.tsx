/**
 * The example page, which `make run` opens: terminals that fill the window.
 */

"use client";

import { useEffect, useState } from "react";
import { findSessionProvider, type SessionProvider } from "./access.ts";
import { remembered, type Tabs } from "./tabs.ts";
import { Workspace } from "./workspace.tsx";

interface Found {
  provider: SessionProvider;
  tabs: Tabs;
}

export default function Page() {
  const [found, setFound] = useState<Found | null>(null);
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

  if (found) return <Workspace provider={found.provider} initial={found.tabs} />;
  return (
    <main className="opening" role="status">
      {problem ?? "Opening…"}
    </main>
  );
}

async function findTabs(): Promise<Found> {
  const provider = findSessionProvider();
  const ids = provider.multiple ? remembered(provider.requested) : [];
  const open = await Promise.all((ids.length > 0 ? ids : [provider.requested]).map((id) => provider.open(id)));
  return { provider, tabs: { open, shown: provider.requested ?? open[0]?.sessionId ?? "" } };
}
