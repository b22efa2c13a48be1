/**
 * A newcomer's other steps: the newest Vite with React, the package as it is published, and the README's
 * component. The built app opens in a browser, and shows a terminal that connects, and a wall.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium } from "@playwright/test";

const ROOT = join(import.meta.dirname, "../..");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
/** An address where nothing answers: the page must show that it connects. */
const WS_URL = "ws://127.0.0.1:9/prod";

const folder = mkdtempSync(join(tmpdir(), "termgate-vite-"));
const app = join(folder, "app");
// `npm --prefix` passes its folder on to every npm below.
const inherited = Object.entries(process.env).filter(([name]) => !/^npm_config_(local_)?prefix$/i.test(name));

function run(cwd, program, ...args) {
  try {
    const env = Object.fromEntries(inherited);
    return execFileSync(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  } catch (error) {
    throw new Error(`${[program, ...args].join(" ")}: ${error.message}\n${error.stdout}`);
  }
}

/** Serves the built app on a free port. */
async function serve() {
  const server = createServer(({ url = "/" }, answer) => {
    const path = url === "/" ? "/index.html" : url.split("?")[0];
    try {
      const body = readFileSync(join(app, "dist", path));
      answer.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

try {
  run(folder, "npm", "create", "--yes", "vite@latest", "app", "--", "--template", "react-ts", "--no-interactive");
  const packed = run(ROOT, "npm", "pack", "--silent", "--pack-destination", folder).trim().split("\n").at(-1);
  const addons = ["clipboard", "fit", "image", "search", "web-links", "webgl"].map((name) => `@xterm/addon-${name}`);
  run(app, "npm", "install", "--no-audit", "--no-fund", join(folder, packed), "@xterm/xterm", ...addons);
  // The README: with Vite, pass `url`.
  const terminal = readFileSync(join(ROOT, "test/readme/app/lab/terminal.tsx"), "utf8");
  const passing = terminal.replace("sessionId:", "url: import.meta.env.VITE_WS_URL,\n    sessionId:");
  writeFileSync(join(app, "src/terminal.tsx"), passing);
  writeFileSync(
    join(app, "src/App.tsx"),
    'import { TermgateWall } from "termgate-web";\nimport { LabTerminal } from "./terminal";\n' +
      "export default function App() {\n  return (\n    <>\n" +
      '      <LabTerminal lab="sql-injection" user="ada" />\n' +
      '      <TermgateWall url={import.meta.env.VITE_WS_URL} token="a.b.c" label="Lab 7" />\n    </>\n  );\n}\n',
  );
  writeFileSync(join(app, ".env"), `VITE_WS_URL=${WS_URL}\n`);
  // As its template does: the types first.
  run(app, "npm", "run", "build");
  const server = await serve();
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.route("**/api/terminal-token*", (route) => route.fulfill({ json: { token: "a.b.c" } }));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.locator("footer.tg-status").getByText("Connecting…").first().waitFor();
    await page.locator(".xterm-screen").waitFor();
    await page.getByRole("region", { name: "Lab 7" }).waitFor();
    if (problems.length > 0) throw new Error(problems.join("\n"));
  } finally {
    await browser.close();
    server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
