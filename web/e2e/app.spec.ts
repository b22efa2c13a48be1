/**
 * The page as an app: what a browser needs to install it, also with a strict Content-Security-Policy. It needs no service
 * worker, since there is no terminal without a network.
 */

import { expect } from "@playwright/test";
import { serveWithPolicy } from "./content-security-policy.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

test("the page can be installed, with a strict policy too", async ({ page, stack }) => {
  await serveWithPolicy(page, "'self' 'nonce-abc'", "abc");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  const devtools = await page.context().newCDPSession(page);
  const { url, errors, data, manifest } = await devtools.send("Page.getAppManifest");
  expect(url).toBe(`${stack.url}/manifest.webmanifest`);
  expect(errors).toEqual([]);
  expect(JSON.parse(data ?? "")).toMatchObject({ name: "Termgate", display: "standalone" });
  expect(manifest).toMatchObject({ startUrl: `${stack.url}/`, scope: `${stack.url}/` });
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  // Playwright's windows are private ones.
  expect(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito")).toEqual([]);
  const icons = (JSON.parse(data ?? "") as { icons: Array<{ src: string; sizes: string }> }).icons;
  const apple = (await page.locator("link[rel=apple-touch-icon]").getAttribute("href")) ?? "";
  for (const { src, sizes } of [...icons, { src: apple, sizes: "180x180" }]) {
    const size = await page.evaluate(async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, src);
    expect(size, src).toBe(sizes);
  }
  expect(terminal.problems).toEqual([]);
});
