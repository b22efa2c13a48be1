/**
 * The page in WebKit, by hand: `make test-webkit`. docs/browsers.md says what is tried, and what differs.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { type Stack, test as stacked } from "./stack.ts";
import { CONTROL, ENTER, ESCAPE, SHIFT, WebKit } from "./webkit.ts";

const PICTURES = join(import.meta.dirname, "../test-results/screenshots");
const FARMER = "👩\u200d🌾";

const test = stacked.extend<{ webkit: WebKit }>({
  // biome-ignore lint/correctness/noEmptyPattern: playwright requires a destructured argument
  webkit: async ({}, use) => {
    const webkit = await WebKit.start();
    await use(webkit);
    await webkit.stop();
  },
});

/** The visible rows, without empty ones. */
function rows(webkit: WebKit): Promise<string[]> {
  return webkit.evaluate(() => {
    const terminal = window.termgate?.terminal;
    const { active } = terminal?.buffer ?? {};
    const all = Array.from({ length: terminal?.rows ?? 0 }, (_, row) => active?.getLine(active.viewportY + row));
    return all.map((line) => line?.translateToString(true).replace(/ {2,}$/, "") ?? "").filter((text) => text !== "");
  });
}

const shows = (webkit: WebKit, row: string | RegExp) =>
  expect.poll(() => rows(webkit)).toContainEqual(expect.stringMatching(row));

/** Selects the first columns of a row with the mouse. */
async function select(webkit: WebKit, row: number, columns: number): Promise<void> {
  const [left, top, width, height] = await webkit.evaluate((): [number, number, number, number] => {
    const terminal = window.termgate?.terminal;
    const box = document.querySelector(".xterm-screen")?.getBoundingClientRect() ?? new DOMRect();
    return [box.left, box.top, box.width / (terminal?.cols ?? 1), box.height / (terminal?.rows ?? 1)];
  });
  const y = top + (row + 0.5) * height;
  await webkit.drag([left + 1, y], [left + (columns - 0.3) * width, y]);
}

const selection = (webkit: WebKit) => webkit.evaluate(() => window.termgate?.terminal?.getSelection());

async function open(webkit: WebKit, stack: Stack): Promise<void> {
  const session = `webkit-${crypto.randomUUID().slice(0, 8)}`;
  await webkit.open(stack.address(session, { sub: "ada", sid: session }));
  await shows(webkit, /\$ $/);
}

test("keys are typed, floods end, and a reload finds the same shell", async ({ webkit, stack }) => {
  await open(webkit, stack);
  await webkit.type(`echo $((40 + 2)) 'quoted' ~ # all${ENTER}`);
  await shows(webkit, /^42 quoted \//);
  await webkit.type(`remembered=yes; seq 1 200000 | tail -1; seq 1 100000${ENTER}`);
  await expect.poll(async () => (await rows(webkit)).at(-2), { timeout: 60_000 }).toBe("100000");
  await webkit.reload();
  await shows(webkit, "100000");
  await webkit.type(`clear; echo "<$remembered>"${ENTER}`);
  await shows(webkit, /^<yes>$/);
  mkdirSync(PICTURES, { recursive: true });
  await webkit.screenshot(join(PICTURES, "webkit.png"));
});

test("a cluster is one place in mode 2027, and in a selection", async ({ webkit, stack }) => {
  await open(webkit, stack);
  await webkit.type(`clear; printf '\\e[?2027ha\\U1F469\\u200D\\U1F33E|\\n'${ENTER}`);
  await shows(webkit, `^a${FARMER}\\|$`);
  const widths = () =>
    webkit.evaluate(() => {
      const line = window.termgate?.terminal?.buffer.active.getLine(0);
      return [0, 1, 2, 3].map((col) => line?.getCell(col)?.getWidth());
    });
  await expect.poll(widths).toEqual([1, 2, 0, 1]);
  await webkit.reload();
  await expect.poll(widths).toEqual([1, 2, 0, 1]);
  await select(webkit, 0, 4);
  await expect.poll(() => selection(webkit)).toBe(`a${FARMER}|`);
});

test("vim is drawn, and again after a change of the window", async ({ webkit, stack }) => {
  await open(webkit, stack);
  await webkit.type(`vim -u NONE -N -c 'set noswapfile' new.txt${ENTER}`);
  await shows(webkit, /^~$/);
  await webkit.type(`itext of vim${ESCAPE}`);
  await shows(webkit, /^text of vim$/);
  const size = () =>
    webkit.evaluate(() => [window.termgate?.terminal?.cols ?? 0, window.termgate?.terminal?.rows ?? 0]);
  const [before = 0] = await size();
  await webkit.resize(640, 480);
  await expect.poll(async () => (await size())[0]).toBeLessThan(before);
  // A line of text and one for commands, and all between them.
  const isFilled = async () => {
    const empty = (await rows(webkit)).filter((row) => row === "~");
    return empty.length + 2 === (await size())[1];
  };
  await expect.poll(isFilled).toBe(true);
  await webkit.type(`:wq${ENTER}`);
  await shows(webkit, /\$ $/);
  await webkit.type(`clear; cat new.txt; tput cols${ENTER}`);
  await shows(webkit, /^text of vim$/);
  await shows(webkit, `^${(await size())[0]}$`);
});

test("a selection is copied and pasted by keys", async ({ webkit, stack }) => {
  await open(webkit, stack);
  await webkit.type(`clear; echo copied-$((6 * 7))${ENTER}`);
  await shows(webkit, /^copied-42$/);
  const row = (await rows(webkit)).indexOf("copied-42");
  await select(webkit, row, 9);
  await expect.poll(() => selection(webkit)).toBe("copied-42");
  await webkit.press(CONTROL, SHIFT, "c");
  await webkit.type("echo pasted:");
  await webkit.press(CONTROL, SHIFT, "v");
  await shows(webkit, /echo pasted:copied-42$/);
  await webkit.type(ENTER);
  await shows(webkit, /^pasted:copied-42$/);
});

test("a file that is dropped is in the directory of the shell", async ({ webkit, stack }) => {
  await open(webkit, stack);
  await webkit.type(`mkdir -p webkit && cd webkit${ENTER}`);
  await shows(webkit, /webkit\$ $/);
  await webkit.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["from webkit\n"], "dropped file.txt"));
    const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    document.querySelector(".tg-stage")?.dispatchEvent(event);
  });
  const list = () => webkit.evaluate(() => document.querySelector(".tg-files")?.textContent);
  await expect.poll(list).toContain("dropped file.txt is in ~/webkit");
  await webkit.type(`clear; cat dropped*${ENTER}`);
  await shows(webkit, /^from webkit$/);
});
