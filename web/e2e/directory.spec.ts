/**
 * The shell's directory: in the tab's title, and where a new terminal opens.
 */

import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { prefers, TerminalPage } from "./terminal-page.ts";

test("a new terminal opens where the shown one is, and the title says where", async ({ page, stack }) => {
  await prefers(page, { titleIsDirectory: true });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  // Open to every user: as root, each session has a user of its own.
  await terminal.run("cd /usr/share; echo there");
  const directory = () => page.evaluate(() => window.termgate?.client.state.directory);
  await expect.poll(directory).toBe("/usr/share");
  await expect(page).toHaveTitle("/usr/share – Termgate");
  await terminal.newTerminal();
  expect(await terminal.run("pwd")).toEqual(["/usr/share"]);
  await expect(page.getByRole("tab", { selected: true })).toHaveAccessibleName("2: /usr/share");
  await terminal.screenshot("directory");
  // A page that comes back hears of it too, and its session stays where it is.
  await page.reload();
  await terminal.prompt();
  await expect.poll(directory).toBe("/usr/share");
  expect(terminal.problems).toEqual([]);
});
