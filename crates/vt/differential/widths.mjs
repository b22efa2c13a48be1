// The page's table of column widths, compiled from its own source.

import { buildSync } from "esbuild";

const entry = new URL("../../../web/src/xterm/widths.ts", import.meta.url).pathname;
const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, write: false, format: "esm" });
const { TermgateWidths } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

/** The page's provider of widths for xterm.js. */
export const provider = new TermgateWidths();
