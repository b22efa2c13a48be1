/**
 * A command in a lesson's text: a click types it into the terminal of the page, another one copies it.
 */

"use client";

import { useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../core/index.ts";
import { useTerminalState } from "../react/use-terminal-state.ts";
import { OfferedLine } from "./offers.tsx";
import { checkOffer } from "./typable.ts";

export interface OfferedCommandProps {
  /** The terminal that the line is typed into. */
  client: TerminalClient;
  /** One line of printable characters, at most 1024 bytes. */
  line: string;
  /** Called once the line is on its way: a place to focus the terminal. */
  onTyped?: () => void;
  className?: string;
}

/** Looks as the page's own text does; style it by its elements. */
export function OfferedCommand({ client, line, onTyped, className }: OfferedCommandProps) {
  checkOffer(line);
  const state = useTerminalState(client);
  const [said, say] = useState("");
  const since = useRef(Number.POSITIVE_INFINITY);
  useEffect(() => {
    since.current = performance.now();
  }, []);
  return (
    <span className={className ?? "termgate-offer"}>
      <OfferedLine
        {...{ client, state, line, say }}
        since={() => since.current}
        onTyped={() => {
          say("");
          onTyped?.();
        }}
      />
      <output>{said}</output>
    </span>
  );
}
