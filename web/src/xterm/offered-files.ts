/**
 * Files that programs offer by OSC 1337: `File=…:base64`, as iTerm2 has it, and `TermgateDownload=base64` with the path of a
 * file in the session. Output is a stranger's, so an offer does nothing by itself, and few are held, of a bounded size.
 */

import type { Terminal } from "@xterm/xterm";

/** Offers that are held; a later one takes the place of the oldest. */
const MAX_OFFERS = 4;
/** Most characters of a file's base64, and of all that are held: some 3 MB. */
const MAX_CHARACTERS = 4_000_000;
/** Most characters of a path's or a name's base64: 4096 bytes. */
const MAX_PATH_CHARACTERS = 5464;
/** Most characters of a name that is shown and saved, as in the service: any such name has at most 255 bytes. */
const MAX_NAME = 63;
/** The extension that stays when a name is cut, `.tar.gz` as a whole. */
const EXTENSION = /(?:\.tar)?\.[^.]{1,16}$/u;
/** Offers are told this often, in ms, however many a program prints. */
const TELL_INTERVAL_MS = 100;

/** A file that a program offers. */
export type OfferedFile = {
  id: number;
  /** To be shown, and saved under: nothing in it is invisible, and any system allows it. */
  name: string;
} & (
  | { kind: "path"; path: string }
  /** Its content, in base64. */
  | { kind: "content"; base64: string }
);

type Offered = { kind: "path"; name: string; path: string } | { kind: "content"; name: string; base64: string };

/** The offer of an OSC 1337; undefined if it is none of a file, or of one that is too large. */
export function parseOffer(data: string): Offered | undefined {
  const path = /^TermgateDownload=([A-Za-z0-9+/]+={0,2})$/.exec(data.length <= MAX_PATH_CHARACTERS + 20 ? data : "");
  if (path?.[1]) {
    const whole = decodeText(path[1]);
    return whole ? { kind: "path", path: whole, name: nameOf(whole) } : undefined;
  }
  if (!data.startsWith("File=") || data.length > MAX_CHARACTERS + MAX_PATH_CHARACTERS) return undefined;
  const colon = data.indexOf(":");
  if (colon < 0 || colon > MAX_PATH_CHARACTERS) return undefined;
  const given = new Map(
    data
      .slice("File=".length, colon)
      .split(";")
      .map((pair) => {
        const [key = "", ...value] = pair.split("=");
        return [key.toLowerCase(), value.join("=")];
      }),
  );
  const base64 = data.slice(colon + 1).replace(/[\r\n ]/g, "");
  // An image to be shown in the text is no file.
  if (given.get("inline") === "1" || base64.length > MAX_CHARACTERS || !isBase64(base64)) return undefined;
  return { kind: "content", base64, name: nameOf(decodeText(given.get("name") ?? "") ?? "") };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** UTF-8 from base64. */
function decodeText(base64: string): string | undefined {
  if (!isBase64(base64)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(base64));
  } catch {
    return undefined;
  }
}

/** The bytes of base64; throws for other text. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Names that Windows keeps for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i;
/** Characters that people do not see, that turn text around, or that some system forbids. */
const UNUSABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffd/\\<>:"|?*]/gu;

/** The last name of a path as any system allows it. A long one is cut before its extension, which tells the reader what opens it. */
export function nameOf(path: string): string {
  const last = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const usable = last.replace(UNUSABLE, "_").replace(/^ +/, "");
  const name = withoutEnd(shortened(withoutEnd(usable)));
  return DEVICE.test(name) ? `_${name}` : name || "file";
}

/** The name, or as many of its first characters as leave room for its extension. */
function shortened(name: string): string {
  const characters = Array.from(name);
  if (characters.length <= MAX_NAME) return name;
  const extension = EXTENSION.exec(name)?.[0] ?? "";
  return characters.slice(0, MAX_NAME - Array.from(extension).length).join("") + extension;
}

/** The name without dots and spaces at its end, which Windows drops. */
function withoutEnd(name: string): string {
  let end = name.length;
  while (end > 0 && ". ".includes(name.charAt(end - 1))) end -= 1;
  return name.slice(0, end);
}

/** Collects the offers of a terminal, and tells of the latest. The returned function ends it. */
export function watchOffers({ parser }: Terminal, tell: (offers: readonly OfferedFile[]) => void): () => void {
  let offers: OfferedFile[] = [];
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const handler = parser.registerOscHandler(1337, (data) => {
    const offered = parseOffer(data);
    if (!offered) return false;
    last += 1;
    offers = [...offers.filter((known) => !isSame(known, offered)), { id: last, ...offered }].slice(-MAX_OFFERS);
    while (held(offers) > MAX_CHARACTERS) offers.shift();
    timer ??= setTimeout(() => {
      timer = undefined;
      tell(offers);
    }, TELL_INTERVAL_MS);
    return true;
  });
  return () => {
    clearTimeout(timer);
    handler.dispose();
  };
}

function isSame(one: OfferedFile, other: Offered): boolean {
  if (one.kind === "path") return other.kind === "path" && one.path === other.path;
  return other.kind === "content" && one.name === other.name && one.base64 === other.base64;
}

function held(offers: readonly OfferedFile[]): number {
  return offers.reduce((sum, offer) => sum + (offer.kind === "content" ? offer.base64.length : 0), 0);
}
