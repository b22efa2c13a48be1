/**
 * Steps of a test that Firefox's driver takes in another way than Chromium's, or cannot take.
 */

import type { Locator, Page } from "@playwright/test";

export function isFirefox(page: Page): boolean {
  return page.context().browser()?.browserType().name() === "firefox";
}

/** Fills a field by keys. The driver's own `fill` changes a field in Firefox before React sees an event, which React ignores. */
export async function fill(field: Locator, text: string): Promise<void> {
  if (!isFirefox(field.page())) return field.fill(text);
  await field.press("Control+a");
  if (text === "") await field.press("Delete");
  else await field.pressSequentially(text);
}

/** Sets the preferred colours, and returns those in effect: Firefox lets no test set them, and prefers light ones. */
export async function prefer(page: Page, colorScheme: "dark" | "light"): Promise<"dark" | "light"> {
  if (isFirefox(page)) return "light";
  await page.emulateMedia({ colorScheme });
  return colorScheme;
}

/** Touches an element. Firefox makes no click of a driver's touch. */
export async function tap(element: Locator): Promise<void> {
  if (isFirefox(element.page())) await element.click();
  else await element.tap();
}
