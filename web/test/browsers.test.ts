/**
 * docs/browsers.md names the specs that run in Chromium only. A spec whose tests all have the tag would be one of them, without
 * a name there.
 */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const page = read("../../docs/browsers.md").replace(/\s+/g, " ");
const listed = (names: string[]) => names.map((name) => `\`${name}\``);

test("the specs for Chromium alone", () => {
  const [, list = ""] = /CHROMIUM_SPECS = \[([^;]*)\];/.exec(read("../e2e/playwright.config.ts")) ?? [];
  const specs = [...list.matchAll(/"([\w-]+)\.spec\.ts"/g)].map(([, name = ""]) => name);
  expect(specs).toHaveLength(6);
  expect(page).toContain(`Six files (${listed(specs).join(", ")})`);
});

test("no other spec has the tag at all of its tests", () => {
  const specs = readdirSync(new URL("../e2e", import.meta.url)).filter((name) => name.endsWith(".spec.ts"));
  const tagged = specs.filter((name) => {
    const tests = read(`../e2e/${name}`).match(/^test(\.\w+)?\([\s\S]*?=>/gm) ?? [];
    return tests.length > 0 && tests.every((head) => head.includes('tag: "@chromium"'));
  });
  expect(tagged).toEqual([]);
});
