/** Room for images. `crates/vt/tests/differential` compares it with the service's. */

import { Terminal } from "@xterm/headless";
import { beforeEach, expect, test, vi } from "vitest";
import { ImageRoom } from "../../src/xterm/image-room.ts";
import { sixelHeight } from "../../src/xterm/sixel-height.ts";

const IMAGE = `\x1bPq#0;2;100;0;0${"#0!60~-".repeat(8)}\x1b\\`;
const ROWS = 3;

let terminal: Terminal;
let room: ImageRoom;

beforeEach(() => {
  terminal = new Terminal({ cols: 40, rows: 4, allowProposedApi: true });
  room = new ImageRoom(terminal as never);
});

const write = (text: string) => new Promise<void>((done) => terminal.write(text, done));
const line = (row: number) => terminal.buffer.active.getLine(row)?.translateToString(true);

/** The addon as it behaves here: a handler that answers, and adds images of 60 pixels, each cell 10 × 20. */
function addon(draws: boolean) {
  const drawn: number[] = [];
  const core = (terminal as unknown as { _core: { buffer: { y: number }; _inputHandler: { lineFeed(): void } } })._core;
  const storage = {
    addImage(image: { height: number }) {
      const rows = Math.ceil(image.height / 20);
      drawn.push(core.buffer.y, rows);
      for (let row = 1; row < rows; row++) core._inputHandler.lineFeed();
    },
    advanceCursor: vi.fn(),
    _opts: { sixelScrolling: false },
    _renderer: { cellSize: { width: 10, height: 20 } },
  };
  terminal.parser.registerDcsHandler({ final: "q" }, () => {
    if (draws) storage.addImage({ width: 60, height: 48 } as never);
    return true;
  });
  vi.stubGlobal("document", { createElement: () => ({ getContext: () => null }) });
  room.drawWith({ _storage: storage } as never);
  return drawn;
}

test("the height is declared or counted", () => {
  for (const [data, height] of [
    ["", 0],
    ["-", 0],
    ["#0;2;100;0;0#0!60~-!60~-", 12],
    ["~$~-$-~-", 18],
    ['"1;1;60;59#0~', 59],
    ['~"1;1;60;59-~', 12],
    ['"1;1;1;99999999999999999999~', 60_000],
    ["~".repeat(8_000_001), 0],
  ] as const) {
    expect(sixelHeight(data), data.slice(0, 40)).toBe(height);
  }
});

test("an image that is not drawn has its room, and a word in it", async () => {
  await write(`a${IMAGE}b`);
  expect([line(0), line(ROWS - 1)]).toEqual(["a[image]", " b"]);
});

test("an image is drawn into its room, also where that scrolled", async () => {
  const drawn = addon(true);
  await write(`${IMAGE}b`);
  expect(drawn).toEqual([0, ROWS]);
  expect([line(0), line(ROWS - 1)]).toEqual(["", "b"]);
  await write(`\r\n${IMAGE}c`);
  expect(drawn.slice(2)).toEqual([1, ROWS]);
  expect(terminal.buffer.active.cursorY).toBe(3);
  expect(line(terminal.buffer.active.length - 1)).toBe("c");
});

test("an image that the addon does not draw has its room too", async () => {
  const drawn = addon(false);
  await write(`${IMAGE}b`);
  expect(drawn).toEqual([]);
  expect([line(0), line(ROWS - 1)]).toEqual(["[image]", "b"]);
});
