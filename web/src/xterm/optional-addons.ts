/**
 * Optional xterm.js addons, loaded once the terminal is open: links, the clipboard for programs, images.
 */

import type { ILinkHandler, Terminal } from "@xterm/xterm";
import type { TermgateAddon } from "./addon.ts";
import { lenientBase64, writeOnlyProvider } from "./clipboard.ts";
import { suppressReplies } from "./queries.ts";
import { MAX_SIXEL_LENGTH } from "./sixel-height.ts";

/** Memory for the images of one terminal; the oldest are evicted first. */
const MAX_IMAGES_MB = 32;
/** Size of one image. */
const MAX_IMAGE_PIXELS = 4_000_000;

export interface OptionalAddonsOptions {
  links: ILinkHandler;
  images: boolean;
  /** Draws images, which xterm.js by itself does not. */
  termgate: TermgateAddon;
  mayWriteClipboard(): boolean;
  /** Receives the number of characters that a program copied; null if the browser refused. */
  onProgramCopied(characters: number | null): void;
}

/** Loads the addons, unless the terminal is disposed meanwhile. */
export async function loadOptionalAddons(
  terminal: Terminal,
  options: OptionalAddonsOptions,
  disposed: () => boolean,
): Promise<void> {
  const [{ WebLinksAddon }, { ClipboardAddon }, image] = await Promise.all([
    import("@xterm/addon-web-links"),
    import("@xterm/addon-clipboard"),
    options.images ? import("@xterm/addon-image") : undefined,
  ]);
  if (disposed()) return;
  const { activate, hover, leave } = options.links;
  const whole = { start: { x: 0, y: 0 }, end: { x: 0, y: 0 } };
  terminal.loadAddon(
    new WebLinksAddon((event, address) => activate(event, address, whole), {
      hover: (event, address) => hover?.(event, address, whole),
      leave: (event, address) => leave?.(event, address, whole),
    }),
  );
  terminal.loadAddon(
    new ClipboardAddon(lenientBase64, writeOnlyProvider(options.mayWriteClipboard, options.onProgramCopied)),
  );
  const limits = {
    storageLimit: MAX_IMAGES_MB,
    pixelLimit: MAX_IMAGE_PIXELS,
    sixelSizeLimit: MAX_SIXEL_LENGTH,
  };
  if (image) {
    // The size of an iTerm2 image shows only once it is decoded, which the service does not do.
    const images = new image.ImageAddon({ enableSizeReports: false, iipSupport: false, ...limits });
    terminal.loadAddon(images);
    options.termgate.drawImages(images);
  }
  // Registered after these addons, which answer queries too: the last handler is called first.
  suppressReplies(terminal);
}
