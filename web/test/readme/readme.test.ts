/**
 * The README's examples are these files: they compile (`test/readme/tsconfig.json`) and create tokens that the gateway
 * accepts.
 */

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { jwtVerify } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import type { ClientErrorCode } from "../../src/core/index.ts";
import * as events from "./app/api/events/route.ts";
import * as instructor from "./app/api/instructor-token/route.ts";
import { GET } from "./app/api/terminal-token/route.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../../README.md");
const SECRET = "0123456789abcdef0123456789abcdef";

afterEach(() => vi.unstubAllEnvs());

test.each([
  "app/api/terminal-token/route.ts",
  "app/lab/terminal.tsx",
  "app/api/instructor-token/route.ts",
  "app/class/wall.tsx",
  "app/api/events/route.ts",
])("contains %s", (path) => {
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

test("the example gives an instructor a token for the own class alone, and without a session", async () => {
  vi.stubEnv("JWT_SECRET", SECRET);
  const asks = (user: string) => {
    const headers = { "x-test-user": user };
    return instructor.GET(new Request("https://labs.example/api/instructor-token?lab=sql", { headers }));
  };
  expect((await asks("ada")).status).toBe(403);
  const answer = await asks("sql-ina");
  const { token } = (await answer.json()) as { token: string };
  const { payload } = await jwtVerify(token, new TextEncoder().encode(SECRET), {
    ...{ algorithms: ["HS256"], issuer: "labs.example", audience: "termgate" },
  });
  expect(payload).toMatchObject({ sub: "sql-ina", grp: "sql", role: "instructor", name: "The user sql-ina" });
  expect(payload).not.toHaveProperty("sid");
  expect(answer.headers.get("cache-control")).toBe("no-store");
});

test("the example's page for an instructor names every prop of the wall", () => {
  const section = readme.split("\n## ").find((part) => part.startsWith("An instructor's page")) ?? "";
  const [, body = ""] = read("../../src/view/wall/termgate-wall.tsx").split("interface TermgateWallProps {");
  const props = [...(body.split("\n}")[0] ?? "").matchAll(/^ {2}(\w+)[?(:]/gm)].map(([, name = ""]) => name);
  expect(props.length).toBeGreaterThan(5);
  expect(props.filter((name) => !new RegExp(`\`${name}[\`(]`).test(section))).toEqual([]);
});

const KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async function deliver(id: string, body: string, change: Record<string, string> = {}): Promise<number> {
  const at = Math.floor(Date.now() / 1000);
  const hmac = createHmac("sha256", Buffer.from(KEY, "base64"));
  const signature = `v1,other v1,${hmac.update(`${id}.${at}.${body}`).digest("base64")}`;
  const headers = { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": signature, ...change };
  return (await events.POST(new Request("https://labs.example/api/events", { method: "POST", headers, body }))).status;
}

const shown = async (user?: string) =>
  await events.GET(new Request("https://labs.example/api/events", { headers: user ? { "x-test-user": user } : {} }));

test("the example takes each genuine event once, and shows the latest", async () => {
  vi.stubEnv("EVENTS_SECRET", `whsec_${KEY}`);
  for (const id of ["evt_1", "evt_2", "evt_1"]) expect(await deliver(id, `{"type":"${id}"}`)).toBe(204);
  for (let number = 3; number <= 110; number += 1) await deliver(`evt_${number}`, "{}");
  const list = (await (await shown("ada")).json()) as { id: string }[];
  expect([list.length, list[0]?.id, list[99]?.id]).toEqual([100, "evt_110", "evt_11"]);
  expect((await shown()).status).toBe(401);
});

test("the example refuses what is forged, changed or old, and everything without a key", async () => {
  vi.stubEnv("EVENTS_SECRET", `whsec_${KEY}`);
  for (const change of [
    { "webhook-signature": "v1,AAAA" },
    { "webhook-signature": "" },
    { "webhook-id": "evt_other" },
    { "webhook-timestamp": String(Math.floor(Date.now() / 1000) - 600) },
  ]) {
    expect(await deliver("evt_new", "{}", change)).toBe(401);
  }
  vi.stubEnv("EVENTS_SECRET", "");
  expect(await deliver("evt_new", "{}")).toBe(500);
});

test("documents each error code of the client", () => {
  const source = read("../../src/core/error.ts");
  const codes = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code]) => code as ClientErrorCode);
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) expect(readme).toMatch(new RegExp(`^\\| \`${code}\` \\|`, "m"));
});
