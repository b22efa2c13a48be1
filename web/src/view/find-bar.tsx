/**
 * The find bar: searches the scrollback from the newest line upwards.
 */

"use client";

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { OpenTerminal, Search, SearchResult } from "../xterm/index.ts";

interface FindBarProps {
  opened: OpenTerminal;
  /** The initial search text. */
  initial: string;
  onClose: () => void;
}

export function FindBar({ opened, initial, onClose }: FindBarProps) {
  const [text, setText] = useState(initial);
  const [caseSensitive, setCaseSensitive] = useState(false);
  const [found, setFound] = useState<SearchResult | null>(null);
  const [search, setSearch] = useState<Search | null>(null);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    let gone = false;
    let stop: (() => void) | undefined;
    opened.search().then((loaded) => {
      if (gone) return;
      stop = loaded.onFound(setFound);
      setSearch(loaded);
    });
    input.current?.select();
    return () => {
      gone = true;
      stop?.();
    };
  }, [opened]);

  useEffect(() => {
    search?.find({ text, caseSensitive });
  }, [search, text, caseSensitive]);

  useEffect(() => () => search?.end(), [search]);

  const step = (back: boolean) => {
    if (back) search?.previous({ text, caseSensitive });
    else search?.next({ text, caseSensitive });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter" && event.target === input.current) step(!event.shiftKey);
    else if (event.key === "F3") step(event.shiftKey);
    else return;
    event.preventDefault();
  };

  return (
    <search className="tg-find" onKeyDown={onKeyDown}>
      <input
        ref={input}
        type="text"
        aria-label="Find in the terminal"
        placeholder="Find"
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: a user who opens it wants to type
        autoFocus
      />
      <output className="tg-count" aria-live="polite">
        {count(text, found)}
      </output>
      <button
        type="button"
        aria-pressed={caseSensitive}
        aria-label="Match case"
        title="Match case"
        onClick={() => setCaseSensitive(!caseSensitive)}
      >
        Aa
      </button>
      <button type="button" aria-label="Previous match" title="Previous (Enter)" onClick={() => step(true)}>
        ↑
      </button>
      <button type="button" aria-label="Next match" title="Next (Shift-Enter)" onClick={() => step(false)}>
        ↓
      </button>
      <button type="button" aria-label="Close find" title="Close (Escape)" onClick={onClose}>
        ✕
      </button>
    </search>
  );
}

function count(text: string, found: SearchResult | null): string {
  if (text === "" || !found) return "";
  if (found.of === 0) return "Nothing found";
  return found.at > 0 ? `${found.at} of ${found.of}` : `${found.of} found`;
}
