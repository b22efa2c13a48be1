/**
 * A command in a lesson's text: a click types it into the terminal of the page, another one copies it.
 */

"use client";

import { useState } from "react";
import type { TerminalClient } from "../core/index.ts";
import { useTerminalState } from "../react/use-terminal-state.ts";
import { OfferedLine, useSince } from "./offers.tsx";
import { checkOffer } from "./typable.ts";
import { useReset } from "./use-reset.ts";

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
  useReset(line, () => say(""));
  const since = useSince(line);
  return (
    <span className={className ?? "termgate-offer"}>
      <OfferedLine
        {...{ client, state, line, say, since }}
        onTyped={() => {
          say("");
          onTyped?.();
        }}
      />
      <output>{said}</output>
    </span>
  );
}
