/**
 * The key that the development gateway wants for a token, and pages that have it.
 */

import { randomBytes } from "node:crypto";
import type { Page } from "@playwright/test";

export const DEV_TOKEN_KEY = randomBytes(16).toString("hex");

/** Opens an address in a browser that has opened the printed address before. */
export async function visit(page: Page, url: string): Promise<void> {
  await page.addInitScript((key) => {
    // The empty page before it has no storage.
    if (window.location.protocol.startsWith("http")) window.localStorage.setItem("termgate-key", key);
  }, DEV_TOKEN_KEY);
  await page.goto(url);
}

/** A token of the gateway at `url`. */
export async function devToken(
  url: string,
  query: string,
): Promise<{ token: string; wsPath: string; httpUrl: string }> {
  const answer = await fetch(`${url}/dev/token?${query}`, { headers: { authorization: `Bearer ${DEV_TOKEN_KEY}` } });
  return (await answer.json()) as { token: string; wsPath: string; httpUrl: string };
}
