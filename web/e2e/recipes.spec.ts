/**
 * The programs of docs/recipes.md, as they are written there.
 */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "@playwright/test";
import { DEV_TOKEN_KEY, devToken } from "./dev-token.ts";
import { test } from "./stack.ts";

const WEB = join(import.meta.dirname, "..");
const PAGE = readFileSync(join(WEB, "../docs/recipes.md"), "utf8");

/** The blocks of the page in this language. */
function blocks(language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  return [...PAGE.matchAll(pattern)].map((match) => match[1] ?? "");
}

test("the recipe for wscat prints the result of a command", async ({ stack }) => {
  const script = ["set -euo pipefail", ...blocks("sh")].join("\n");
  const { host } = new URL(stack.url);
  const variables = { ADDRESS: stack.url, WS_URL: `ws://${host}/prod`, KEY: DEV_TOKEN_KEY };
  const PATH = `${join(WEB, "node_modules/.bin")}:${process.env.PATH}`;
  const { stdout } = await promisify(execFile)("bash", ["-c", script], {
    cwd: WEB,
    env: { ...process.env, ...variables, PATH },
  });
  const result = stdout.split("\n").find((line) => line.includes("command_result")) ?? "";
  expect(JSON.parse(result.slice(result.indexOf("{")))).toMatchObject({ id: "sum", result: "42\n", exitCode: 0 });
});

test("the recipe for JavaScript returns the result of a command, and an error as such", async ({ page, stack }) => {
  const [run] = blocks("js");
  const { token, wsPath } = await devToken(stack.url, "session=recipe-js");
  await page.goto(stack.url);
  const call = (command: string) =>
    page.evaluate(
      `(${run})("ws://" + location.host + ${JSON.stringify(wsPath)}, ${JSON.stringify(token)}, ${command})`,
    );
  expect(await call('"uname; false"')).toMatchObject({ result: "Linux\n", exitCode: 1 });
  await expect(call('"x".repeat(40000)')).rejects.toThrow(/[A-Z_]+: |closed with \d+/);
});
