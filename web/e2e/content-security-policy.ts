/**
 * Serves the page with a strict Content-Security-Policy.
 */

import type { Page } from "@playwright/test";

/** The scripts of a static export are inline. */
const SCRIPTS = "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self' ws: http:";

/** Serves the page with a policy for styles, and with a nonce if the page knows one. */
export async function serveWithPolicy(page: Page, styles: string, nonce?: string): Promise<void> {
  await page.route("**/", async (route) => {
    const response = await route.fetch();
    const meta = nonce ? `<meta property="csp-nonce" nonce="${nonce}">` : "";
    const body = (await response.text()).replace("<head>", `<head>${meta}`);
    const headers = { ...response.headers(), "content-security-policy": `${SCRIPTS}; style-src ${styles}` };
    await route.fulfill({ response, headers, body });
  });
}
