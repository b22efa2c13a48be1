/**
 * The README documents every prop of the component, every member of its handle, and what the hook takes and returns.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const section = (title: string) =>
  read("../../README.md")
    .split("\n## ")
    .find((part) => part.startsWith(title)) ?? "";

/** The names in an interface. */
function names(path: string, of: string): string[] {
  const [, body = ""] = read(path).split(new RegExp(`interface ${of}\\b[^{]*{`));
  const [own = ""] = body.split("\n}");
  return [...own.matchAll(/^ {2}(\w+)[?(:]/gm)].map(([, name = ""]) => name);
}

const HOOK = "../../src/react/use-terminal-api-gateway.ts";

test.each([
  ["The component", "../../src/view/handle.ts", "TermgateTerminalProps"],
  ["The component", "../../src/view/handle.ts", "TermgateHandle"],
  ["The hook", HOOK, "TerminalApiGatewayOptions"],
  ["The hook", HOOK, "TerminalApiGateway"],
  ["The hook", "../../src/core/state.ts", "TerminalState"],
  ["The hook", "../../src/core/times.ts", "Times"],
])("%s: %s, %s", (title, path, of) => {
  expect(names(path, of).length).toBeGreaterThan(6);
  // The state's name in the hook's result.
  const documented = names(path, of).filter((name) => name !== "status");
  expect(documented.filter((name) => !new RegExp(`\`${name}[\`(]`).test(section(title)))).toEqual([]);
});

test("each kind of notice", () => {
  const kinds = [...read("../../src/core/notice.ts").matchAll(/\| \{ kind: "([\w-]+)"/g)].map(([, kind = ""]) => kind);
  expect(kinds.length).toBeGreaterThan(6);
  const [row = ""] = section("The hook").match(/^\| `onNotice.*$/m) ?? [];
  expect(kinds.filter((kind) => !row.includes(`\`${kind}\``))).toEqual([]);
});
