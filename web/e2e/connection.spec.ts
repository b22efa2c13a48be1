/**
 * What a person sees, and does not see, when the way to the shell breaks.
 */

import { expect } from "@playwright/test";
import { Screen } from "./screen.ts";
import { startStack, test } from "./stack.ts";

test("typing goes on over connections that are cut every second", async ({ page }) => {
  const stack = await startStack("--lifetime-seconds", "1");
  try {
    let sockets = 0;
    page.on("websocket", () => {
      sockets += 1;
    });
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("cat");
    await screen.press("Enter");
    const keys = Array.from({ length: 150 }, (_, at) => String.fromCharCode(97 + (at % 26))).join("");
    await page.keyboard.type(keys, { delay: 40 });
    await screen.press("Enter");
    // Once as it was typed, and once as `cat` got it.
    await screen.shows(new RegExp(`cat\\s+${wrapped(keys)}\\s+${wrapped(keys)}$`));
    expect(sockets).toBeGreaterThan(3);
  } finally {
    await stack.stop();
  }
});

test("when the service dies, a new shell starts below what the old one left, and nothing typed for that one runs in it", async ({
  page,
}) => {
  const stack = await startStack();
  try {
    const screen = new Screen(page);
    await screen.open(stack.url);
    await screen.type("remembered=yes; echo before");
    await screen.press("Enter");
    await screen.shows(/^before$/m);
    const prompts = async () => (await screen.rows()).filter((row) => /[$#] ?$/.test(row)).length;
    expect(await prompts()).toBe(1);
    await stack.killService();
    await screen.type("touch typed-for-the-old-one");
    await screen.press("Enter");
    await expect(page.locator(".detail")).toHaveText(/service/);
    await stack.startService();
    await expect.poll(prompts).toBe(2);
    await expect(page.locator(".detail")).toHaveText(/thrown away/);
    await screen.type('echo "after <$remembered>" *');
    await screen.press("Enter");
    await screen.shows(/^after <> \*$/m);
    await screen.picture("new-shell");
  } finally {
    await stack.stop();
  }
});

/** The text as it may stand on a screen that is narrower. */
function wrapped(text: string): string {
  return [...text].join("\\n?");
}
