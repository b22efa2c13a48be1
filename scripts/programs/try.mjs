// Tries each program in an isolated session of its own, and prints a table in Markdown; with `--write` into docs/programs.md.
// `scripts/programs/try` runs it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAMS } from "./programs.mjs";
import { Session, startService } from "./terminal.mjs";

const PAGE = join(import.meta.dirname, "../../docs/programs.md");
/** Longest quotation, in characters. */
const QUOTED = 70;
/** Around the table in the page. */
const MARKS = ["<!-- table -->\n", "<!-- end -->"];

/** A row: name, version, what was done, what it said, whether that was right. */
async function tried(program, port) {
  const session = new Session(port);
  const row = { name: program.name, version: "", did: program.did, said: "", right: false };
  try {
    await session.open();
    const [command] = program.name.split(/[ ,]/);
    if ((await session.run(`command -v ${command}`)).exitCode !== 0) return { ...row, said: "not installed" };
    if (program.version) row.version = (await session.run(program.version)).output.split("\n")[0];
    if (program.before) {
      const { output, exitCode } = await session.run(program.before);
      if (exitCode !== 0) throw new Error(`before it: ${output}`);
    }
    for (const [keys, wanted] of program.keys ?? []) {
      session.type(keys);
      await session.sees(wanted);
    }
    const line = program.run ?? program.after;
    const output = line ? (await session.run(line)).output : "";
    const right = !line || program.says.test(output);
    return { ...row, right, said: line ? (output.match(program.says)?.input ?? output) : "as on any terminal" };
  } catch (error) {
    return { ...row, said: String(error.message ?? error) };
  } finally {
    await session.close().catch(() => {});
  }
}

/** The line of a text that says the most, for a cell of a table. */
function quoted(text, pattern) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((line) => pattern?.test(line)) ?? lines.at(-1) ?? "";
  const short = line.trim().slice(0, QUOTED).replaceAll("|", "\\|").replaceAll("`", "'");
  return short === "" ? "" : `\`${short}\``;
}

const write = process.argv.includes("--write");
const names = process.argv.slice(2).filter((argument) => argument !== "--write");
const { port, stop } = await startService();
const rows = [];
try {
  for (const program of PROGRAMS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const row = await tried(program, port);
    process.stderr.write(`${row.right ? "ok  " : "FAIL"} ${row.name}: ${row.right ? "" : row.said}\n`);
    const said = row.said === "as on any terminal" || row.said === "not installed" ? row.said : quoted(row.said, program.says);
    rows.push(`| ${row.name} | ${quoted(row.version).slice(1, -1)} | ${row.did} | ${said} | ${row.right ? "yes" : "no"} |`);
  }
} finally {
  await stop();
}
const table = `| program | version | done | it said | right |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
if (write) {
  const [before, rest] = readFileSync(PAGE, "utf8").split(MARKS[0]);
  writeFileSync(PAGE, `${before}${MARKS[0]}${table}${MARKS[1]}${rest.split(MARKS[1])[1]}`);
} else {
  process.stdout.write(table);
}
