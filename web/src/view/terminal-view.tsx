/**
 * A terminal that fills its parent. The one place where React and xterm.js meet, so that neither needs the other.
 */

"use client";

import type { ITerminalOptions } from "@xterm/xterm";
import { useEffect, useRef } from "react";
import type { TerminalClient } from "../core/index.ts";
import { type OpenTerminal, openTerminal } from "../xterm/index.ts";

/** What it shows. */
export interface TerminalViewProps {
  client: TerminalClient;
  /** Read when the terminal opens. */
  options?: ITerminalOptions;
  className?: string;
  /** The terminal is there; also called with `null` when it goes. */
  onOpen?: (opened: OpenTerminal | null) => void;
}

/** Needs the style sheet `@xterm/xterm/css/xterm.css` on the page. */
export function TerminalView({ client, options, className, onOpen }: TerminalViewProps) {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef({ options, onOpen });
  useEffect(() => {
    latest.current = { options, onOpen };
  });

  useEffect(() => {
    const host = element.current;
    if (!host) return;
    let gone = false;
    let opened: OpenTerminal | undefined;
    openTerminal(host, client, latest.current.options).then((terminal) => {
      if (gone) return terminal.dispose();
      opened = terminal;
      latest.current.onOpen?.(terminal);
    });
    return () => {
      gone = true;
      if (opened) latest.current.onOpen?.(null);
      opened?.dispose();
    };
  }, [client]);

  return <div ref={element} className={className} style={{ height: "100%", width: "100%", overflow: "hidden" }} />;
}
