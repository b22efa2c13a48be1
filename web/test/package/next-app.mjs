/**
 * A newcomer's app: what `create-next-app` writes, with `cacheComponents`, plus the README's code word for word. It builds
 * with the package as it is published.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
// Inside the package, so that it finds the dependencies.
const app = mkdtempSync(join(ROOT, ".next-app-"));

function write(path, text) {
  mkdirSync(dirname(join(app, path)), { recursive: true });
  writeFileSync(join(app, path), text);
}

try {
  const installed = join(app, "node_modules/termgate-web");
  for (const part of ["dist", "package.json"]) cpSync(join(ROOT, part), join(installed, part), { recursive: true });
  for (const part of ["app", "auth.ts"]) cpSync(join(ROOT, "test/readme", part), join(app, part), { recursive: true });
  const manifest = { name: "newcomer", private: true, type: "module" };
  write("package.json", JSON.stringify(manifest));
  const root = JSON.stringify(ROOT);
  write("next.config.mjs", `export default { cacheComponents: true, turbopack: { root: ${root} } };\n`);
  const compilerOptions = { paths: { "@/*": ["./*"] }, strict: true, skipLibCheck: true };
  write("tsconfig.json", JSON.stringify({ compilerOptions }));
  write(
    "app/layout.tsx",
    'export default function Layout({ children }: { children: React.ReactNode }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n',
  );
  write(
    "app/page.tsx",
    'import { LabTerminal } from "./lab/terminal";\nexport default function Page() {\n  return <LabTerminal lab="sql-injection" user="ada" />;\n}\n',
  );
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NEXT_PUBLIC_WS_URL: "wss://api.example/prod" };
  execFileSync(join(ROOT, "node_modules/.bin/next"), ["build", app], { env, stdio: ["ignore", "pipe", "inherit"] });
  const page = readFileSync(join(app, ".next/server/app/index.html"), "utf8");
  if (!page.includes("Connecting…")) throw new Error("the page was not rendered without <Suspense>");
} catch (error) {
  throw new Error(`A newcomer's app does not build:\n${error.stdout ?? ""}`, { cause: error });
} finally {
  rmSync(app, { recursive: true, force: true });
}
