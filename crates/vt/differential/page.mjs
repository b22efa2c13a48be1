// The page's additions to xterm.js, compiled from their own source.

import { buildSync } from "esbuild";

async function compiled(name) {
  const entry = new URL(`../../../web/src/xterm/${name}`, import.meta.url).pathname;
  const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, write: false, format: "esm" });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

const { installWidths, TermgateWidths } = await compiled("widths.ts");

/** Makes a terminal count columns as the page does, in mode 2027 too. */
export { installWidths };

/** The page's provider of column widths. */
export const provider = new TermgateWidths();

/** Leaves room for images. */
export const { ImageRoom } = await compiled("image-room.ts");
