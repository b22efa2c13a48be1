/**
 * The technical side of an error, for the person that the user asks for help.
 */

"use client";

import { useState } from "react";
import type { TerminalState } from "../core/index.ts";
import { copyText } from "../xterm/index.ts";
import { Disclosure } from "./disclosure.tsx";

export function Details({ state }: { state: TerminalState }) {
  const [copied, setCopied] = useState("");
  const lines = detailsOf(state);
  const copy = async () => setCopied((await copyText(lines.join("\n"))) ? "Copied" : "The browser refused to copy");
  return (
    <Disclosure label="Details" title="What to tell the person who helps you">
      {lines.map((line) => (
        <span key={line}>{line}</span>
      ))}
      <span className="tg-copy">
        <button type="button" onClick={copy}>
          Copy
        </button>
        <output>{copied}</output>
      </span>
    </Disclosure>
  );
}

function detailsOf({ error, attempt, diagnostics: { url, attempts } }: TerminalState): string[] {
  const of = attempt > 1 ? `, attempt ${attempt}` : "";
  return [
    error?.message ?? "",
    `${error?.code}${of}, ${attempts} ${attempts === 1 ? "connection" : "connections"} so far`,
    url,
  ].filter((line) => line !== "");
}
