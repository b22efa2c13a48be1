/**
 * The package that `npm pack` makes: it has the licences, and a README whose pictures do not depend on the repository.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const output = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: ROOT, encoding: "utf8" });
const [{ filename, files }] = JSON.parse(output);
const paths = files.map(({ path }) => path);
for (const needed of ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist/index.js", "src/index.ts"]) {
  assert.ok(paths.includes(needed), `${needed} is not packed`);
}
const readme = readFileSync(join(ROOT, "README.md"), "utf8");
assert.ok(readme.includes(filename), `the README does not name ${filename}`);
assert.doesNotMatch(readme, /!\[[^\]]*\]\((?!https:)|<img src="(?!https:)/);
