/**
 * A session with a profile, in the page: its start script as it runs, its message, and its shell.
 */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

const PYTHON = `
directory = "~/lab"
message = "Exercise 1 is in exercise1.py."
start = """
for step in 1 2 3; do echo "Fetching exercise $step of 3"; done
mkdir -p lab; echo 'print(6 * 7)' >lab/exercise1.py
"""
[environment]
COURSE = "python 101"
`;

test("a profile prepares the terminal before the eyes of its user", async ({ page, launch }) => {
  const folder = mkdtempSync(join(tmpdir(), "termgate-profiles-"));
  writeFileSync(join(folder, "python.toml"), PYTHON);
  const stack = await launch({ PROFILES: folder });
  const terminal = new TerminalPage(page);
  await terminal.open(stack.address("prepared", { sub: "ada", sid: "prepared", profile: "python" }));
  await terminal.shows("Preparing this terminal. Ctrl-C skips the rest.");
  await terminal.shows("Fetching exercise 3 of 3");
  await terminal.shows("Exercise 1 is in exercise1.py.");
  await terminal.prompt();
  await terminal.screenshot("profile");
  expect(await terminal.run("echo $COURSE; basename $PWD; ls")).toEqual(["python 101", "lab", "exercise1.py"]);
  expect(terminal.problems).toEqual([]);
  await terminal.open(stack.address("other", { sub: "ada", sid: "other" }));
  expect(await terminal.run("echo [$COURSE]")).toEqual(["[]"]);
  // The details of a refusal have the sentence of the service.
  await page.goto(stack.address("unknown", { sub: "ada", sid: "unknown", profile: "rust" }));
  await expect(page.getByText("This terminal is not installed on the lab machine")).toBeVisible();
  await page.getByRole("button", { name: "Details" }).click();
  await expect(page.getByText("this service has no profile `rust`")).toBeVisible();
});
