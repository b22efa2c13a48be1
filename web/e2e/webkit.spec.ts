/**
 * The page in WebKit, by hand: `npm run e2e:webkit`. docs/browsers.md says what is tried, and what differs.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { type Stack, test as stacked } from "./stack.ts";
import { ENTER, WebKit } from "./webkit.ts";

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
    return all.map((line) => line?.translateToString(true) ?? "").filter((text) => text !== "");
  });
}

const shows = (webkit: WebKit, row: string | RegExp) =>
  expect.poll(() => rows(webkit)).toContainEqual(expect.stringMatching(row));

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
  const [left, top, column, row] = await webkit.evaluate((): [number, number, number, number] => {
    const terminal = window.termgate?.terminal;
    const box = document.querySelector(".xterm-screen")?.getBoundingClientRect() ?? new DOMRect();
    return [box.left, box.top, box.width / (terminal?.cols ?? 1), box.height / (terminal?.rows ?? 1)];
  });
  await webkit.drag([left + 1, top + row / 2], [left + 3.7 * column, top + row / 2]);
  const selection = () => webkit.evaluate(() => window.termgate?.terminal?.getSelection());
  await expect.poll(selection).toBe(`a${FARMER}|`);
});
