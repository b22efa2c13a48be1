/**
 * The README documents every prop of the component and every member of its handle.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const section =
  read("../../README.md")
    .split("\n## ")
    .find((part) => part.startsWith("The component")) ?? "";

/** The names in an interface of `handle.ts`. */
function names(of: string): string[] {
  const [, body = ""] = read("../../src/view/handle.ts").split(`interface ${of} {`);
  const [own = ""] = body.split("\n}");
  return [...own.matchAll(/^ {2}(\w+)[?(:]/gm)].map(([, name = ""]) => name);
}

test.each(["TermgateTerminalProps", "TermgateHandle"])("%s", (of) => {
  expect(names(of).length).toBeGreaterThan(6);
  expect(names(of).filter((name) => !new RegExp(`\`${name}[\`(]`).test(section))).toEqual([]);
});
