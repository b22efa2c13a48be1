/**
 * docs/browsers.md names the browser tests that run in Chromium only: specs that the configuration leaves out in Firefox, and
 * those whose tests all have the tag.
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

test("the specs whose tests all have the tag", () => {
  const specs = readdirSync(new URL("../e2e", import.meta.url)).filter((name) => name.endsWith(".spec.ts"));
  const tagged = specs.filter((name) => {
    const tests = read(`../e2e/${name}`).match(/^test(\.\w+)?\([\s\S]*?=>/gm) ?? [];
    return tests.length > 0 && tests.every((head) => head.includes('tag: "@chromium"'));
  });
  const names = listed(tagged.map((name) => name.replace(".spec.ts", "")));
  expect(page).toContain(`all of ${names.slice(0, -1).join(", ")} and ${names.at(-1)} among them`);
});
