// The page's terminal without a page, with access to its whole state.

import { createRequire } from "node:module";
import { ImageRoom, installWidths } from "./page.mjs";

const require = createRequire(import.meta.url);
const { Terminal } = require("@xterm/headless");

/** Bits of xterm.js's `Attributes`, `FgFlags` and `BgFlags`. */
const KIND = 0x3000000;
const RGB = 0x3000000;
const VALUE = { [RGB]: 0xffffff, 0: 0 };
const FG_FLAGS = 0xfc000000;
const BG_FLAGS = 0x4c000000 | 0x20000000;
const UNDERLINE = 0x10000000;
const EXTENDED = 0x10000000;

/** Stands for a link whose address xterm.js no longer has. */
export const FORGOTTEN = "forgotten";

export class Emulator {
  #carry = Buffer.alloc(0);
  #title = null;

  constructor(cols, rows, scrollback) {
    this.terminal = new Terminal({ cols, rows, scrollback, allowProposedApi: true, logLevel: "off" });
    new ImageRoom(this.terminal);
    installWidths(this.terminal);
    this.terminal.onTitleChange((title) => (this.#title = title));
  }

  /** Writes output. Keeps an incomplete character for the next call, because frames never split characters. */
  write(bytes) {
    const all = Buffer.concat([this.#carry, bytes]);
    const end = all.length - incomplete(all);
    this.#carry = all.subarray(end);
    return new Promise((done) => this.terminal.write(all.subarray(0, end), done));
  }

  /** Writes a snapshot, and drops an incomplete character before it. */
  restore(bytes) {
    this.#carry = Buffer.alloc(0);
    return this.write(bytes);
  }

  resize(cols, rows) {
    this.terminal.resize(cols, rows);
  }

  dispose() {
    this.terminal.dispose();
  }

  /** The whole state except the rows, with names. */
  state() {
    const core = this.terminal._core;
    const { buffers } = core._bufferService;
    const { coreService, coreMouseService, optionsService } = core;
    const { _inputHandler: input, _charsetService: charsets } = core;
    const onAlternate = buffers.active === buffers.alt;
    return {
      "columns and rows": [this.terminal.cols, this.terminal.rows],
      title: this.#title,
      alternate: onAlternate,
      "main screen": this.#screen(buffers.normal),
      "alternate screen": onAlternate ? this.#screen(buffers.alt) : { "saved cursor": saved(buffers.alt) },
      pen: this.#look(input._curAttrData, true),
      modes: { ...coreService.modes, ...coreService.decPrivateModes, hidden: coreService.isCursorHidden },
      newline: optionsService.rawOptions.convertEol,
      blink: optionsService.rawOptions.cursorBlink,
      mouse: [coreMouseService.activeProtocol, coreMouseService.activeEncoding],
      charset: [charsets.glevel, name(charsets.charset), ...[0, 1, 2, 3].map((slot) => name(charsets._charsets[slot]))],
      parser: input._parser.currentState,
      graphemes: this.terminal.unicode.activeVersion,
      joins: (input._parser.precedingJoinState >> 1) & 3,
      cluster: (input._parser.precedingJoinState & 6) === 0 ? 0 : input._parser.precedingJoinState >> 3,
    };
  }

  #screen(buffer) {
    const { cols } = this.terminal;
    return {
      scrollback: buffer.ybase,
      lines: buffer.lines.length,
      cursor: [buffer.x, buffer.y],
      region: [buffer.scrollTop, buffer.scrollBottom],
      tabs: Object.keys(buffer.tabs).filter((stop) => buffer.tabs[stop] && stop < cols),
      "saved cursor": saved(buffer),
    };
  }

  /** A screen's rows for `cell`, scrollback first. */
  rows(screen) {
    const { normal, alt } = this.terminal._core._bufferService.buffers;
    const { lines } = screen === "main screen" ? normal : alt;
    return Array.from({ length: lines.length }, (_, at) => lines.get(at));
  }

  /** A cell of a row, as xterm.js reads it. */
  loaded(row, x) {
    return row.loadCell(x, new (this.terminal._core._bufferService.buffer.getNullCell().constructor)());
  }

  /** A cell's width, text and attributes. */
  cell(row, x) {
    const cell = this.loaded(row, x);
    return [cell.getWidth(), cell.getChars(), ...this.#look(cell, false)].join("\t");
  }

  /** True if the cell at `x` of a row has more content than its `numbers`. */
  hasMore(row, x) {
    return row.isCombined(x) !== 0 || (row.getBg(x) & EXTENDED) !== 0;
  }

  /** A row's packed cells, three numbers each. */
  numbers(row) {
    return row._data;
  }

  /** Visible colours and attributes; with `all` also those that only later output shows. */
  #look(attributes, all) {
    const { fg, bg, extended } = attributes;
    const isExtended = all || (bg & EXTENDED) !== 0;
    const underline = fg & UNDERLINE ? attributes.getUnderlineStyle() : 0;
    const link = isExtended && extended.urlId ? this.#link(extended.urlId) : "";
    const seen = all || underline;
    return [
      ...look(attributes),
      underline,
      isExtended && seen ? colour(extended.underlineColor) : 0,
      link,
    ];
  }

  #link(id) {
    const link = this.terminal._core._oscLinkService.getLinkData(id);
    return link ? JSON.stringify([link.id ?? null, link.uri]) : FORGOTTEN;
  }
}

/** The saved cursor: its position after a restore, possibly outside the screen, and its colours, attributes and charset. */
function saved(buffer) {
  return [Math.min(buffer.savedX, buffer._cols - 1), buffer.savedY - buffer.ybase, ...look(buffer.savedCurAttrData), name(buffer.savedCharset)];
}

/** Colours and common attributes. */
export function look({ fg, bg }) {
  return [colour(fg), colour(bg), (fg & FG_FLAGS) >>> 0, (bg & BG_FLAGS) >>> 0];
}

/** A colour without stale bits of an earlier one. */
function colour(packed) {
  return packed & (KIND | (VALUE[packed & KIND] ?? 0xff));
}

function name(charset) {
  return charset ? Object.values(charset).join("") : null;
}

/** Number of bytes at the end that belong to an incomplete character. */
function incomplete(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}
