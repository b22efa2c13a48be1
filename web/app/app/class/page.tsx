/**
 * A class: its links, or for an instructor, who opens one of them, the wall.
 */

"use client";

import { useEffect, useState } from "react";
import { TermgateWall } from "../../../src/index.ts";
import { findService, socketOf } from "../access.ts";
import { usePreferences } from "../preferences.ts";
import { ClassLinks } from "./class-links.tsx";

interface Wall {
  url: string;
  token: string;
  label: string;
}

export default function Page() {
  const [wall, setWall] = useState<Wall | null | undefined>(undefined);
  const [fallbackUrl, setFallbackUrl] = useState<string>();
  const [preferences] = usePreferences();
  useEffect(() => {
    window.addEventListener("hashchange", () => window.location.reload(), { once: true });
    setWall(wallOf(new URL(window.location.href)));
    void findService().then(setFallbackUrl);
  }, []);
  if (wall === undefined) return null;
  if (wall === null) return <ClassLinks />;
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
  return (
    <main className="wall">
      <TermgateWall {...wall} fallbackUrl={fallbackUrl} theme={preferences.theme} nonce={nonce} />
    </main>
  );
}

/** The wall of `#token=…`, which browsers never send. */
function wallOf(here: URL): Wall | null {
  const secrets = new URLSearchParams(here.hash.slice(1));
  const token = secrets.get("token");
  if (!token) return null;
  const url = process.env.NEXT_PUBLIC_WS_URL || socketOf(here, secrets.get("at") ?? "/terminal");
  return { token, url, label: `Class ${here.searchParams.get("class") ?? ""}` };
}
