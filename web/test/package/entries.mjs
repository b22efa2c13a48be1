/**
 * The published package in plain Node: every entry loads without a window, and the hook renders on a server. Run after
 * `tsc -p tsconfig.lib.json`.
 */

import assert from "node:assert/strict";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

assert.equal(typeof window, "undefined");

const [all, core, react, xterm, player] = await Promise.all([
  import("termgate-web"),
  import("termgate-web/core"),
  import("termgate-web/react"),
  import("termgate-web/xterm"),
  import("termgate-web/player"),
]);
assert.equal(core.TerminalClient, all.TerminalClient);
assert.equal(react.useTerminalApiGateway, all.useTerminalApiGateway);
assert.equal(xterm.TermgateAddon, all.TermgateAddon);
assert.equal(typeof player.TermgatePlayer, "function");

const Page = () => createElement("p", null, react.useTerminalApiGateway({ sessionId: "s", token: "t" }).state);
assert.equal(renderToString(createElement(Page)), "<p>connecting</p>");

const client = new core.TerminalClient({ url: "wss://x/y", sessionId: "s", token: "t" });
assert.equal(client.state.status, "closed");
