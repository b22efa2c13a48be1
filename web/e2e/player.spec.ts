/**
 * The player of recordings: of a session with a real shell, and of one that was made for its times.
 */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { devToken, visit } from "./dev-token.ts";
import { fill, prefer, tap } from "./firefox.ts";
import { test } from "./stack.ts";
import { PHONE, TerminalPage } from "./terminal-page.ts";

/** The text of the player's screen, line by line. */
const lines = (page: Page) =>
  page
    .locator(".ap-term .ap-line")
    .evaluateAll((found) => found.map(({ textContent }) => textContent?.trimEnd() ?? ""));
const shows = (page: Page, what: string | RegExp) =>
  what instanceof RegExp
    ? expect.poll(async () => (await lines(page)).join("\n")).toMatch(what)
    : expect.poll(async () => (await lines(page)).filter((line) => line !== "")).toEqual([what]);
const places = (page: Page) => page.getByRole("complementary").getByRole("listitem").getByRole("button");
const search = (page: Page) => page.getByRole("searchbox", { name: "Search in what was printed" });
const speed = (page: Page) => page.getByRole("combobox", { name: "Speed" });

/** Time between two steps, in ms; none of their sums has an exact number of seconds. */
const STEP_MS = 83;
/** A step for each, and a silence of a minute in the middle. */
const STEPS = 200;

/** A recording in which the screen shows the number of the step and nothing else. */
function stepwise(): string {
  const header = { version: 3, term: { cols: 80, rows: 24 } };
  const events = Array.from({ length: STEPS }, (_, at) => [
    [STEP_MS / 1000 + (at === STEPS / 2 ? 60 : 0), "o", `\x1b[2J\x1b[Hstep ${at + 1}.\r\n`],
    ...(at % 50 === 49 ? [[0, "m", `Mark ${at + 1}`]] : []),
  ]);
  return [header, ...events.flat()].map((line) => `${JSON.stringify(line)}\n`).join("");
}

const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "authorization" };
const RECORDING = /\/api\/sessions\/[^/]+\/recording/;

/** The page of the player, with that recording. */
async function openStepwise(page: Page, url: string): Promise<string[]> {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.route(RECORDING, (route) =>
    route.fulfill({ body: stepwise(), headers: CORS, contentType: "application/x-asciicast" }),
  );
  await visit(page, `${url}/recording?session=made`);
  await expect(places(page)).toHaveCount(STEPS / 50);
  await expect(page.locator(".ap-overlay-start")).toBeVisible();
  return problems;
}

/** The number of the step on the screen; 0 if it shows none. */
async function step(page: Page): Promise<number> {
  return Number(/^step (\d+)\.$/m.exec((await lines(page)).join("\n"))?.[1] ?? 0);
}

test("a session is recorded, and played, searched and sought in", async ({ page, browser, launch }) => {
  const folder = mkdtempSync(join(tmpdir(), "termgate-recordings-"));
  const stack = await launch({ RECORDINGS: "all", RECORDINGS_URL: `file://${folder}` });
  const terminal = new TerminalPage(page);
  await visit(page, `${stack.url}/?session=recorded`);
  await terminal.prompt();
  await expect(page.getByRole("note")).toContainText("This session is recorded");
  await terminal.run("printf '\\e[1;31mneed\\e[32mle\\e[0m in the hay\\n'");
  await terminal.run("echo last words");
  await terminal.type("exit 3\n");
  await expect(page.locator("footer.tg-status")).toContainText("Session ended");
  const { token, httpUrl } = await devToken(stack.url, "session=recorded");
  const recording = async () => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${httpUrl}/api/sessions/recorded/recording`, { headers })).text();
  };
  await expect.poll(recording, { message: "the recording is whole" }).toContain('"x", "3"');

  await page.goto(`${stack.url}/recording?session=recorded`);
  const end = places(page).getByText("The end, exit code 3");
  await end.click();
  await shows(page, /^last words$/m);
  await expect.poll(() => lines(page)).not.toContain("needle in the hay");
  await fill(search(page), "NEEDLE in");
  await expect(page.getByText("1 hit")).toBeVisible();
  await places(page).click();
  await shows(page, /^needle in the hay$/m);
  expect(await lines(page)).not.toContain("last words");
  for (const theme of ["dark", "light"] as const) {
    await prefer(page, theme);
    await page.screenshot({ path: `test-results/screenshots/player-${theme}.png` });
    const { violations } = await new AxeBuilder({ page }).include(".tg-player-side").analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  }
  // From the hit to the end.
  await speed(page).selectOption("8");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await shows(page, /^last words$/m);

  const phone = await (await browser.newContext(PHONE)).newPage();
  await visit(phone, `${stack.url}/recording?session=recorded`);
  await fill(search(phone), "needle in");
  await expect(phone.getByText("1 hit")).toBeVisible();
  await tap(places(phone));
  await shows(phone, /^needle in the hay$/m);
  await phone.screenshot({ path: "test-results/screenshots/player-phone.png" });
  await phone.context().close();
  // A stranger's page.
  await page.goto(`${stack.url}/recording?session=another`);
  await expect(page.getByRole("alert").getByText("There is no recording that you may watch.")).toBeVisible();
  rmSync(folder, { recursive: true });
});

test("a seek by keyframes shows the screen that playing from the start does", async ({ page, context, launch }) => {
  const folder = mkdtempSync(join(tmpdir(), "termgate-recordings-"));
  const stack = await launch({ RECORDINGS: "all", RECORDINGS_URL: `file://${folder}` });
  const terminal = new TerminalPage(page);
  await visit(page, `${stack.url}/?session=long`);
  await terminal.prompt();
  // Each burst is a frame of its own, some of them on the other screen, in a region and in colours.
  const [filling, bursts] = ["x".repeat(60), 24];
  const burst = `seq 900 | sed "s/.*/\\x1b[3$((n % 8))m&: ${filling}/"; echo "burst-$n-"; sleep 0.2`;
  const changes = "case $n in 9) printf '\\e[?1049h\\e[3;9r';; 18) printf '\\e[?1049l\\e[r\\e[0m';; esac";
  await terminal.type(`for n in $(seq ${bursts}); do ${changes}; ${burst}; done; exit 3\n`);
  await expect(page.locator("footer.tg-status")).toContainText("Session ended", { timeout: 60_000 });
  const { token, httpUrl } = await devToken(stack.url, "session=long");
  const recording = async () => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${httpUrl}/api/sessions/long/recording?keyframes=true`, { headers })).text();
  };
  await expect.poll(recording, { message: "the recording is whole" }).toContain('"x", "3"');
  expect((await recording()).split('\n[0.000, "k", ').length).toBeGreaterThan(3);

  const whole = await context.newPage();
  await whole.route(/keyframes=true/, (route) =>
    route.continue({ url: route.request().url().replace("keyframes=true", "") }),
  );
  for (const opened of [page, whole]) await opened.goto(`${stack.url}/recording?session=long`);
  for (const number of [23, 3, 12, 20, 11]) {
    for (const opened of [page, whole]) {
      await fill(search(opened), `burst-${number}-`);
      await expect(opened.getByText("1 hit")).toBeVisible();
      await places(opened).click();
      await shows(opened, new RegExp(`^burst-${number}-$`, "m"));
    }
    expect(await lines(page), `burst ${number}`).toEqual(await lines(whole));
  }
  rmSync(folder, { recursive: true });
});

test("a click on each hit and mark shows what was printed there", async ({ page, stack }) => {
  const problems = await openStepwise(page, stack.url);
  await places(page).getByText("Mark 50").click();
  await shows(page, "step 50.");
  await fill(search(page), "step");
  await expect(places(page)).toHaveCount(100);
  for (let at = 0; at < 100; at += 1) {
    await places(page).nth(at).click();
    await shows(page, `step ${at + 1}.`);
  }
  expect(problems).toEqual([]);
});

test("another speed plays on from the same place, or stays there", async ({ page, stack }) => {
  const problems = await openStepwise(page, stack.url);
  await places(page).getByText("Mark 150").click();
  await shows(page, "step 150.");
  // Paused, twice in a row, and never blank for good; nothing covers what was sought.
  await speed(page).selectOption("0.5");
  await speed(page).selectOption("2");
  await shows(page, "step 150.");
  await expect(page.locator(".ap-overlay-start")).toBeHidden();
  await speed(page).selectOption("1");
  await shows(page, "step 150.");
  await page.getByRole("checkbox", { name: "Skip silence" }).uncheck();
  await shows(page, "step 150.");
  await places(page).getByText("Mark 50").click();
  await shows(page, "step 50.");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await expect.poll(() => step(page)).toBeGreaterThan(52);
  const before = await step(page);
  await speed(page).selectOption("0.5");
  await expect.poll(() => step(page)).toBeGreaterThanOrEqual(before);
  // Nothing that is played gets beyond the silence in the middle.
  expect(await step(page)).toBeLessThanOrEqual(STEPS / 2);
  await expect.poll(() => step(page)).toBeGreaterThan(before + 1);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  const paused = await step(page);
  await speed(page).selectOption("8");
  // The step that was due when it paused may be drawn only now.
  await expect.poll(() => step(page)).toBeGreaterThanOrEqual(paused);
  expect(await step(page)).toBeLessThanOrEqual(paused + 1);
  expect(problems).toEqual([]);
});

test("the part of a recording that has come plays while the rest is held back, and goes on when it comes", async ({
  page,
  stack,
}) => {
  const whole = stepwise();
  const end = whole.indexOf("\n", whole.indexOf("Mark 100")) + 1;
  const answers: ServerResponse[] = [];
  const service = createServer((_, answer) => {
    answers.push(answer.writeHead(200, CORS));
    answer.write(whole.slice(0, end));
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  const { port } = service.address() as AddressInfo;
  await page.route(RECORDING, (route) => route.continue({ url: `http://127.0.0.1:${port}/` }));
  await visit(page, `${stack.url}/recording?session=held`);
  const status = page.getByText("The rest is loading. You can play and search the part that is here.");
  await expect(status).toBeVisible();
  await expect(places(page)).toHaveText([/Mark 50$/, /Mark 100$/]);
  await expect(page.locator(".ap-overlay-start")).toBeVisible();
  await fill(search(page), "step 7.");
  await places(page).click();
  await shows(page, "step 7.");
  await fill(search(page), "");
  await places(page).getByText("Mark 50").click();
  await shows(page, "step 50.");
  await speed(page).selectOption("8");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await expect(page.locator(".ap-overlay-loading")).toBeVisible();
  await shows(page, "step 100.");
  await expect(status).toBeVisible();
  await page.screenshot({ path: "test-results/screenshots/player-loading.png" });
  for (const answer of answers) answer.end(whole.slice(end));
  await expect(places(page)).toHaveCount(STEPS / 50);
  await expect(status).toBeHidden();
  await expect(page.locator(".ap-overlay-loading")).toBeHidden();
  await shows(page, `step ${STEPS}.`);
  service.close();
});

test("the screen and the list share a phone's page", async ({ browser, stack }) => {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  await openStepwise(page, stack.url);
  await tap(places(page).getByText("Mark 50"));
  await shows(page, "step 50.");
  expect((await page.locator(".tg-player-screen").boundingBox())?.width).toBe(390);
  expect((await page.locator(".tg-player-side").boundingBox())?.width).toBe(390);
  expect((await page.locator(".ap-term").boundingBox())?.width).toBeGreaterThan(300);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  for (const theme of ["dark", "light"] as const) {
    await prefer(page, theme);
    await page.screenshot({ path: `test-results/screenshots/player-phone-${theme}.png` });
  }
  await context.close();
});
