/**
 * Room for images, as much as the service leaves (`crates/vt/src/terminal/images.rs`), in every font, drawn or not: rows
 * would move after a reload otherwise. Where an image is not drawn, a word is in its place.
 */

import type { ImageAddon } from "@xterm/addon-image";
import type { IDisposable, Terminal } from "@xterm/xterm";
import { sixelHeight } from "./sixel-height.ts";

/** Width and height of a character in pixels, as programs are told. */
const CELL_PIXELS = { width: 8, height: 16 };
/** Most rows of an image: a higher one is scaled down. */
const MAX_ROWS = 128;
/** Printed in the first row of an image, where there is room and no text. */
const LABEL = "[image]";

/** The parts of xterm.js without a public interface. */
interface Core {
  readonly buffer: {
    x: number;
    y: number;
    ybase: number;
    lines: { get(at: number): BufferLine | undefined };
  };
  readonly _inputHandler: { lineFeed(): unknown; readonly _curAttrData: unknown };
}
interface BufferLine {
  getWidth(x: number): number;
  hasContent(x: number): number;
  setCellFromCodepoint(x: number, codepoint: number, width: number, attributes: unknown): void;
}
/** The same of the addon. */
interface ImageStorage {
  addImage(image: Drawable): void;
  advanceCursor(height: number): void;
  readonly _opts: { sixelScrolling: boolean };
  readonly _renderer: { readonly cellSize: { width: number; height: number } };
}
type Drawable = HTMLCanvasElement | ImageBitmap;

/** An image that has its room and is not drawn yet. */
interface Room {
  rows: number;
  labelled: boolean;
}

export class ImageRoom implements IDisposable {
  readonly #terminal: Terminal;
  readonly #core: Core;
  #handler: IDisposable;
  #room: Room | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#core = (terminal as unknown as { _core: Core })._core;
    this.#handler = this.#register();
  }

  /** Lets the addon, which is loaded, draw images into their room. */
  drawWith(addon: ImageAddon): void {
    const { _storage: storage } = addon as unknown as { _storage: ImageStorage };
    const add = storage.addImage.bind(storage);
    storage.addImage = (image) => this.#draw(image, storage, add);
    storage.advanceCursor = () => {};
    // The handler that was registered last is asked first.
    this.#handler.dispose();
    this.#handler = this.#register();
  }

  dispose(): void {
    this.#handler.dispose();
  }

  #register(): IDisposable {
    return this.#terminal.parser.registerDcsHandler({ final: "q" }, (data) => {
      const rows = Math.min(Math.ceil(sixelHeight(data) / CELL_PIXELS.height), MAX_ROWS);
      this.#room = rows > 0 ? this.#leave(rows) : undefined;
      return false;
    });
  }

  #leave(rows: number): Room {
    const { buffer, _inputHandler } = this.#core;
    const labelled = this.#label();
    const { x } = buffer;
    for (let row = 1; row < rows; row++) {
      _inputHandler.lineFeed();
      buffer.x = x;
    }
    return { rows, labelled };
  }

  #label(): boolean {
    const { buffer, _inputHandler } = this.#core;
    const line = buffer.lines.get(buffer.ybase + buffer.y);
    const isFree = (x: number) => line?.getWidth(x) === 1 && !line.hasContent(x);
    const places = Array.from(LABEL, (_, at) => buffer.x + at);
    if (buffer.x + LABEL.length > this.#terminal.cols || !places.every(isFree)) return false;
    for (const [at, x] of places.entries()) {
      line?.setCellFromCodepoint(x, LABEL.charCodeAt(at), 1, _inputHandler._curAttrData);
    }
    return true;
  }

  /** Draws upwards from the cursor, which stands in the last row of the room. */
  #draw(image: Drawable, storage: ImageStorage, add: (image: Drawable) => void): void {
    const { buffer, _inputHandler: input } = this.#core;
    const room = this.#room;
    this.#room = undefined;
    const { x, y } = buffer;
    const line = room && buffer.lines.get(buffer.ybase + y - room.rows + 1);
    if (!room || !line) return;
    for (let at = 0; room.labelled && at < LABEL.length; at++) {
      line.setCellFromCodepoint(x + at, 0, 1, input._curAttrData);
    }
    // The addon feeds lines, which are there already.
    const ownLineFeed = Object.getOwnPropertyDescriptor(input, "lineFeed");
    input.lineFeed = () => {
      buffer.y += 1;
    };
    buffer.y = y - room.rows + 1;
    storage._opts.sixelScrolling = true;
    try {
      add(this.#scaled(image, room.rows, storage._renderer.cellSize));
    } finally {
      if (ownLineFeed) Object.defineProperty(input, "lineFeed", ownLineFeed);
      else Reflect.deleteProperty(input, "lineFeed");
      buffer.x = x;
      buffer.y = y;
    }
  }

  /** The image in pixels of the page's font, no larger than its room. */
  #scaled(image: Drawable, rows: number, cell: { width: number; height: number }): Drawable {
    if (cell.width <= 0 || cell.height <= 0) return image;
    const fits = Math.min(1, (rows * CELL_PIXELS.height) / image.height);
    const width = (image.width * fits * cell.width) / CELL_PIXELS.width;
    const height = (image.height * fits * cell.height) / CELL_PIXELS.height;
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.floor(Math.min(width, this.#terminal.cols * cell.width)));
    canvas.height = Math.max(1, Math.floor(height));
    canvas.getContext("2d")?.drawImage(image, 0, 0, width, height);
    return canvas;
  }
}
