/**
 * Links in the output. They open with Ctrl-click (Cmd on a Mac), so that a click that selects or focuses never leaves
 * the page; on touch screens by a tap.
 */

import type { ILinkHandler } from "@xterm/xterm";
import { isApple } from "./keys.ts";

/** True for `http:` and `https:`. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}

/** Handles links that are found in the text, and OSC 8 hyperlinks. */
export function linkHandler(element: HTMLElement): ILinkHandler {
  const apple = isApple();
  const touch = () => window.matchMedia("(hover: none)").matches;
  return {
    allowNonHttpProtocols: false,
    activate(event, address) {
      if (!isWebAddress(address)) return;
      if (touch() || (apple ? event.metaKey : event.ctrlKey)) window.open(address, "_blank", "noopener,noreferrer");
    },
    hover(_, address) {
      element.title = `${address}\n${apple ? "Cmd" : "Ctrl"}-click to open`;
    },
    leave() {
      element.removeAttribute("title");
    },
  };
}
