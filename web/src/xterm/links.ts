/**
 * Addresses in the output. They open with Ctrl (on a Mac Cmd) held, so that a click that selects or focuses never leaves the
 * page; with a finger, which has no Ctrl, by a tap.
 */

import type { ILinkHandler } from "@xterm/xterm";
import { isApple } from "./keys.ts";

/** Only what a browser shows as a page. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}

/** For addresses that are found in the text, and for those that a program hides behind another text (OSC 8). */
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
