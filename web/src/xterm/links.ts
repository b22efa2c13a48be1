/**
 * Links in the output. They open with Ctrl-click (Cmd on a Mac), so that a click that selects or focuses never leaves
 * the page; on touch screens by a tap.
 */

import type { ILinkHandler } from "@xterm/xterm";
import { isApple } from "./keys.ts";
import type { LinkTooltip } from "./link-tooltip.ts";

/** True for `http:` and `https:`. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}

/** Handles links that are found in the text, and OSC 8 hyperlinks. */
export function linkHandler(tooltip: LinkTooltip): ILinkHandler {
  const apple = isApple();
  const touch = () => window.matchMedia("(hover: none)").matches;
  return {
    allowNonHttpProtocols: false,
    activate(event, address) {
      if (!isWebAddress(address)) return;
      if (touch() || (apple ? event.metaKey : event.ctrlKey)) window.open(address, "_blank", "noopener,noreferrer");
    },
    hover(event, address) {
      tooltip.show(event, `${address}\n${apple ? "Cmd" : "Ctrl"}-click to open`);
    },
    leave: () => tooltip.hide(),
  };
}
