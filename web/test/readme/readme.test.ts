/**
 * The README's examples are these files: they compile (`test/readme/tsconfig.json`) and create tokens that the gateway
 * accepts.
 */

import { readFileSync } from "node:fs";
import { jwtVerify } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import type { ClientErrorCode } from "../../src/core/index.ts";
import { GET } from "./app/api/terminal-token/route.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../../README.md");
const SECRET = "0123456789abcdef0123456789abcdef";

afterEach(() => vi.unstubAllEnvs());

test.each(["app/api/terminal-token/route.ts", "app/lab/terminal.tsx"])("contains %s", (path) => {
  expect(readme).toContain(`\`${path}\``);
  const code = read(path).replace(/^\/\*\*[^/]*\*\/\n\n/, "");
  expect(readme).toContain(`\n${code}\`\`\`\n`);
});

async function ask(user: string | undefined, lab: string): Promise<Response> {
  vi.stubEnv("JWT_SECRET", SECRET);
  const headers: HeadersInit = user ? { "x-test-user": user } : {};
  return await GET(new Request(`https://labs.example/api/terminal-token?lab=${lab}`, { headers }));
}

test("the example's tokens have the required claims", async () => {
  const answer = await ask("ada", "sql");
  const { sessionId, token } = (await answer.json()) as { sessionId: string; token: string };
  const { payload } = await jwtVerify(token, new TextEncoder().encode(SECRET), {
    ...{ algorithms: ["HS256"], issuer: "labs.example", audience: "termgate" },
  });
  expect(payload).toMatchObject({ sub: "ada", sid: "sql-ada", role: "controller" });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  expect(sessionId).toBe("sql-ada");
  expect(answer.headers.get("cache-control")).toBe("no-store");
});

test("the example rejects unauthorized requests", async () => {
  expect((await ask(undefined, "sql")).status).toBe(401);
  expect((await ask("ada", "closed")).status).toBe(403);
});

test("documents each error code of the client", () => {
  const source = read("../../src/core/error.ts");
  const codes = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code]) => code as ClientErrorCode);
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) expect(readme).toMatch(new RegExp(`^\\| \`${code}\` \\|`, "m"));
});
