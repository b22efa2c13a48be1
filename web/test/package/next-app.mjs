/**
 * A newcomer's exact steps: the newest `create-next-app`, the package as it is published, and the README's code word for
 * word. The app builds and serves the terminal's page.
 */

import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
/** Time for an answer of the running app, in ms. */
const START_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "termgate-newcomer-"));
const app = join(folder, "app");
// `npm --prefix` passes its folder on to every npm below.
const inherited = Object.entries(process.env).filter(([name]) => !/^npm_config_(local_)?prefix$/i.test(name));
const env = {
  ...Object.fromEntries(inherited),
  NEXT_TELEMETRY_DISABLED: "1",
  NEXT_PUBLIC_WS_URL: "wss://api.example/prod",
};

function run(cwd, program, ...args) {
  try {
    return execFileSync(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  } catch (error) {
    throw new Error(`${[program, ...args].join(" ")}: ${error.message}\n${error.stdout}`);
  }
}

/** The address that the app prints once it is ready. */
async function address(server) {
  let output = "";
  for await (const data of server.stdout) {
    output += data;
    const found = /http:\/\/localhost:\d+/.exec(output);
    if (found && /Ready/.test(output)) return found[0];
  }
  throw new Error(`the app ended: ${output}`);
}

try {
  run(folder, "npx", "--yes", "create-next-app@latest", "app", "--yes", "--use-npm", "--disable-git");
  const packed = run(ROOT, "npm", "pack", "--silent", "--pack-destination", folder).trim().split("\n").at(-1);
  const addons = ["clipboard", "fit", "image", "search", "web-links", "webgl"].map((name) => `@xterm/addon-${name}`);
  run(app, "npm", "install", "--no-audit", "--no-fund", join(folder, packed), "jose", "@xterm/xterm", ...addons);
  for (const part of ["app", "auth.ts"]) cpSync(join(ROOT, "test/readme", part), join(app, part), { recursive: true });
  // Its layout loads fonts from a host that a test must not depend on.
  writeFileSync(
    join(app, "app/layout.tsx"),
    'import "./globals.css";\nexport default function Layout({ children }: { children: React.ReactNode }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n',
  );
  writeFileSync(
    join(app, "app/page.tsx"),
    'import { LabTerminal } from "./lab/terminal";\nexport default function Page() {\n  return <LabTerminal lab="sql-injection" user="ada" />;\n}\n',
  );
  run(app, "npm", "run", "build");
  const server = spawn(join(app, "node_modules/.bin/next"), ["start", "--port", "0"], { cwd: app, env });
  try {
    const signal = AbortSignal.timeout(START_MS);
    const late = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const url = await Promise.race([address(server), late]);
    const page = await (await fetch(url, { signal })).text();
    if (!page.includes("Connecting…")) throw new Error("the page was not rendered without <Suspense>");
  } finally {
    server.kill();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
