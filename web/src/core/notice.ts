/**
 * Notices: facts that explain what is on the screen, although nothing is wrong (any more).
 */

import type { EndReason } from "../protocol/generated.ts";

/** `text` is a sentence to show to a person. */
export type TerminalNotice =
  /** Output that will never be shown. */
  | { kind: "skipped"; bytes: number; text: string }
  /** The shell is a new one; `reason` is undefined if unknown. */
  | { kind: "restarted"; reason: EndReason | undefined; text: string }
  /** The emulator failed on the output; a page that opened it opens another one, which gets the screen. */
  | { kind: "redrawn"; text: string }
  /** An instructor watches from now on; said once for each name. */
  | { kind: "watched"; name: string; text: string }
  /** An instructor has seen the owner's hand. */
  | { kind: "hand-seen"; name: string; text: string }
  /** Keys that were typed before the keyboard changed hands were not sent. */
  | { kind: "held"; characters: number; text: string }
  /** Ctrl-C dropped unsent input. */
  | { kind: "dropped"; characters: number; text: string };

export function skipped(bytes: number): TerminalNotice {
  return { kind: "skipped", bytes, text: `${formatBytes(bytes)} of output skipped` };
}

export function restarted(reason: EndReason | undefined): TerminalNotice {
  const why =
    reason === "server_restart"
      ? ": the lab machine was replaced"
      : reason === "owner_lost"
        ? ": the lab machine failed"
        : "";
  return { kind: "restarted", reason, text: `The shell was restarted${why}` };
}

export function redrawn(): TerminalNotice {
  return { kind: "redrawn", text: "The display stopped at a program's output and was drawn again" };
}

export function watched(name: string): TerminalNotice {
  return { kind: "watched", name, text: `${name} (instructor) is watching` };
}

export function handSeen(name: string): TerminalNotice {
  return { kind: "hand-seen", name, text: `${name} has seen your hand` };
}

export function held(characters: number): TerminalNotice {
  return { kind: "held", characters, text: `The keyboard changed hands: ${formatBytes(characters)} were not sent` };
}

export function dropped(characters: number): TerminalNotice {
  return { kind: "dropped", characters, text: `Ctrl-C dropped ${formatBytes(characters)} that were not sent yet` };
}

/** With a decimal unit: `1.2 kB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const kilo = bytes / 1000;
  if (kilo < 1000) return `${kilo < 10 ? kilo.toFixed(1) : Math.round(kilo)} kB`;
  return `${(kilo / 1000).toFixed(1)} MB`;
}
