/**
 * What a person should know although nothing is wrong any more: no failures, but facts that explain what is on the screen.
 */

import type { EndReason } from "../protocol/generated.ts";

/** With a sentence for a person. */
export type TerminalNotice =
  /** So many bytes of output will never be shown. */
  | { kind: "skipped"; bytes: number; text: string }
  /** The shell is another one than before; why, when that is known. */
  | { kind: "restarted"; reason: EndReason | undefined; text: string }
  /** Ctrl-C took back so many characters that had not been sent. */
  | { kind: "dropped"; characters: number; text: string };

export function skipped(bytes: number): TerminalNotice {
  return { kind: "skipped", bytes, text: `${amount(bytes)} of output skipped` };
}

export function restarted(reason: EndReason | undefined): TerminalNotice {
  const why =
    reason === "server_restart" ? ": the service was replaced" : reason === "owner_lost" ? ": its server was lost" : "";
  return { kind: "restarted", reason, text: `The shell was started anew${why}` };
}

export function dropped(characters: number): TerminalNotice {
  return { kind: "dropped", characters, text: `Ctrl-C took back ${amount(characters)} that waited to be sent` };
}

/** Bytes as people say them. */
export function amount(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const kilo = bytes / 1000;
  if (kilo < 1000) return `${kilo < 10 ? kilo.toFixed(1) : Math.round(kilo)} kB`;
  return `${(kilo / 1000).toFixed(1)} MB`;
}
