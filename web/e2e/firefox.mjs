#!/usr/bin/env node
/**
 * Starts the system's Firefox for Playwright, which drives it by WebDriver BiDi. Playwright opens each window with a
 * command that Firefox does not know yet, for the preferred colours: where it asks for none, it is answered here.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { WebSocket, WebSocketServer } from "ws";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const LISTENING = /^WebDriver BiDi listening on (ws:\/\/.*)$/;

const firefox = spawn(FIREFOX, process.argv.slice(2), { stdio: ["inherit", "inherit", "pipe"] });
firefox.on("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => firefox.kill(signal));

createInterface({ input: firefox.stderr }).on("line", (line) => {
  const address = LISTENING.exec(line)?.[1];
  if (!address) return process.stderr.write(`${line}\n`);
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => {
    process.stderr.write(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}\n`);
  });
  server.on("connection", (driver) => relay(driver, new WebSocket(`${address}/session`, { perMessageDeflate: false })));
});

function relay(driver, browser) {
  const early = [];
  driver.on("message", (data) => {
    const text = String(data);
    const { id, method, params } = JSON.parse(text);
    if (method === "emulation.setMediaFeaturesOverride" && !Object.values(params.features).some(Boolean))
      driver.send(JSON.stringify({ type: "success", id, result: {} }));
    else if (browser.readyState === WebSocket.OPEN) browser.send(text);
    else early.push(text);
  });
  browser.on("open", () => {
    for (const text of early) browser.send(text);
  });
  browser.on("message", (data) => driver.send(String(data)));
  driver.on("close", () => browser.close());
  browser.on("close", () => driver.close());
  browser.on("error", () => driver.close());
}
