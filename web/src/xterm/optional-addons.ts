/**
 * What a terminal can do beyond showing text, loaded once it stands: links, the clipboard for programs, images.
 */

import type { ILinkHandler, Terminal } from "@xterm/xterm";
import { writeOnly } from "./clipboard.ts";
import { ignoreQuestions } from "./queries.ts";

/** Most that the images of one terminal take, in MB; older ones go first. */
const IMAGES_MB = 32;
/** Largest image, in pixels and in bytes as it is sent. */
const IMAGE_PIXELS = 4_000_000;
const IMAGE_BYTES = 8_000_000;

/** What the page has to say in it. */
export interface ExtrasOptions {
  links: ILinkHandler;
  mayWriteClipboard(): boolean;
  /** A program copied so many characters; `null` where the browser refused. */
  onProgramCopied(characters: number | null): void;
}

/** Loads them, unless the terminal has gone in the meantime. */
export async function loadExtras(terminal: Terminal, options: ExtrasOptions, gone: () => boolean): Promise<void> {
  const [{ WebLinksAddon }, { ClipboardAddon }, { ImageAddon }] = await Promise.all([
    import("@xterm/addon-web-links"),
    import("@xterm/addon-clipboard"),
    import("@xterm/addon-image"),
  ]);
  if (gone()) return;
  const { activate, hover, leave } = options.links;
  const whole = { start: { x: 0, y: 0 }, end: { x: 0, y: 0 } };
  terminal.loadAddon(
    new WebLinksAddon((event, address) => activate(event, address, whole), {
      hover: (event, address) => hover?.(event, address, whole),
      leave: (event, address) => leave?.(event, address, whole),
    }),
  );
  terminal.loadAddon(new ClipboardAddon(undefined, writeOnly(options.mayWriteClipboard, options.onProgramCopied)));
  terminal.loadAddon(
    new ImageAddon({
      enableSizeReports: false,
      storageLimit: IMAGES_MB,
      pixelLimit: IMAGE_PIXELS,
      sixelSizeLimit: IMAGE_BYTES,
      iipSizeLimit: IMAGE_BYTES,
    }),
  );
  // These addons answer questions too, and whoever registers last is asked first.
  ignoreQuestions(terminal);
}
