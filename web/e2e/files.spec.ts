/**
 * Files that leave a real shell, over HTTP to the service or through the gateway, and uploads that take Chromium's own interface:
 * `files-up.spec.ts` has the others.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Download, expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import { PHONE, TerminalPage } from "./terminal-page.ts";

const list = (page: Page) => page.locator(".tg-files");

/** Waits until a click on an offer is meant for it. */
async function settle(page: Page): Promise<void> {
  const since = await page.evaluate(() => performance.now());
  await page.waitForFunction((at) => performance.now() >= at + 500, since);
}

async function contentOf(download: Download): Promise<Buffer> {
  return readFile((await download.path()) ?? "");
}

test("an upload shows how far it is, and leaves nothing when it is cancelled", async ({ terminal, page }) => {
  await terminal.run("mkdir -p cancelled && cd cancelled");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  // Takes 30 s; the test waits for the first percent.
  const slow = { offline: false, latency: 20, downloadThroughput: 1e7, uploadThroughput: 2.5e5 };
  await devtools.send("Network.emulateNetworkConditions", slow);
  const chosen = page.waitForEvent("filechooser");
  await page.locator(".tg-screen").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Upload files" }).click();
  await (await chosen).setFiles({ name: "large.bin", mimeType: "", buffer: randomBytes(8_000_000) });
  await expect(list(page).locator(".tg-percent")).toHaveText(/^([1-9]|[1-9]\d) %$/, { timeout: 20_000 });
  await terminal.screenshot("files-progress");
  await list(page).getByRole("button", { name: "Cancel" }).click();
  await expect(list(page)).toHaveText("");
  await devtools.send("Network.emulateNetworkConditions", { ...slow, latency: 0, uploadThroughput: -1 });
  await expect.poll(async () => (await terminal.run("ls -A | wc -l")).at(-1)?.trim(), { timeout: 20_000 }).toBe("0");
});

for (const way of ["to the service", "through the gateway"]) {
  test(`a folder that is dropped is there with all that is in it, ${way}`, async ({ terminal, page }) => {
    if (way === "through the gateway") await page.route("**/api/sessions/*/files?**", (route) => route.abort());
    const name = `folder-${way.split(" ").at(-1)}`;
    await terminal.run(`mkdir -p ${name} && cd ${name}`);
    const folder = join(await mkdtemp(join(tmpdir(), "termgate-folder-")), "site");
    await mkdir(join(folder, "css", "deep"), { recursive: true });
    await writeFile(join(folder, "index.html"), "<p>\n");
    await writeFile(join(folder, "css", "deep", "a b.css"), "p {}\n");
    const devtools = await page.context().newCDPSession(page);
    const [x, y] = await terminal.place(3, 3);
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      const data = { items: [], files: [folder], dragOperationsMask: 1 };
      await devtools.send("Input.dispatchDragEvent", { type, x, y, data });
    }
    await expect(list(page)).toContainText(`2 files are in ~/${name}/site`);
    expect(await terminal.run("cat site/index.html 'site/css/deep/a b.css'")).toEqual(["<p>", "p {}"]);
    expect(await terminal.run("find . -name '*part*' | wc -l")).toEqual(["0"]);
  });
}

test("tg-download offers files of the shell, and a click saves them", async ({ terminal, page }) => {
  await terminal.run("mkdir -p results/inner && cd results && seq 100000 >table.csv && echo deep >inner/file");
  const asked: string[] = [];
  page.on("request", (request) => request.url().includes("/files?") && asked.push(request.url()));
  await terminal.run("tg-download table.csv inner");
  const save = (name: string) => list(page).getByRole("button", { name: `Save ${name}` });
  await expect(save("table.csv")).toBeVisible();
  await terminal.screenshot("files-offers");
  expect(asked).toEqual([]);
  await settle(page);
  const [file] = await Promise.all([page.waitForEvent("download"), save("table.csv").click()]);
  expect(file.suggestedFilename()).toBe("table.csv");
  expect((await contentOf(file)).toString().split("\n")).toHaveLength(100_001);
  const [folder] = await Promise.all([page.waitForEvent("download"), save("inner").click()]);
  expect(folder.suggestedFilename()).toBe("inner.tar");
  expect((await contentOf(folder)).includes("deep\n")).toBe(true);
  await expect(list(page)).toContainText("inner.tar is saved");
  expect(await terminal.run("tg-download missing; echo $?")).toEqual([expect.stringContaining("missing"), "1"]);
  expect(terminal.problems).toEqual([]);
});

test("an archive that ends early on its way is not saved, though its answer looks complete", async ({
  terminal,
  page,
}) => {
  await terminal.run("mkdir -p cut && echo content >cut/file");
  await terminal.run("tg-download cut");
  const save = list(page).getByRole("button", { name: "Save cut" });
  await expect(save).toBeVisible();
  await settle(page);
  const saved: Download[] = [];
  page.on("download", (download) => saved.push(download));
  await page.route("**/api/sessions/*/files?**", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    // Whole blocks, so that a program that unpacks it would not notice.
    await route.fulfill({ response, body: body.subarray(0, 1024) });
  });
  await save.click();
  await expect(list(page)).toContainText("Not done: it is incomplete or changed on the way: try again");
  expect(saved).toEqual([]);
});

test("files are saved through the gateway where the page does not reach the service", async ({ terminal, page }) => {
  await page.route("**/api/sessions/*/files?**", (route) => route.abort());
  await terminal.run("mkdir -p saved && cd saved && seq 20000 >large.txt");
  const content = Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join("");
  await terminal.run("tg-download large.txt ~/saved");
  const save = (name: string) => list(page).getByRole("button", { name: `Save ${name}` });
  await expect(save("saved")).toBeVisible();
  await settle(page);
  const [file] = await Promise.all([page.waitForEvent("download"), save("large.txt").click()]);
  expect(file.suggestedFilename()).toBe("large.txt");
  expect((await contentOf(file)).toString()).toBe(content);
  const [folder] = await Promise.all([page.waitForEvent("download"), save("saved").click()]);
  expect(folder.suggestedFilename()).toBe("saved.tar");
  expect((await contentOf(folder)).includes(content)).toBe(true);
  await terminal.screenshot("files-through-the-gateway");
});

test("a file that a program prints as iTerm2 has it is offered, with a name that is what it looks like", async ({
  terminal,
  page,
}) => {
  const name = Buffer.from("../invoice\u202efdp.exe").toString("base64");
  await terminal.run(`printf '\\033]1337;File=name=${name};size=5;inline=0:aGVsbG8=\\007'; echo`);
  const save = list(page).getByRole("button", { name: "Save invoice_fdp.exe" });
  await expect(save).toBeVisible();
  await settle(page);
  const [file] = await Promise.all([page.waitForEvent("download"), save.click()]);
  expect([file.suggestedFilename(), (await contentOf(file)).toString()]).toEqual(["invoice_fdp.exe", "hello"]);
});

test("a file of 2 MB that a program prints as iTerm2 has it is saved as it is", async ({ terminal, page }) => {
  await terminal.run("mkdir -p printed && cd printed && head -c 2000000 /dev/urandom >large.bin");
  const [sha256] = await terminal.run("sha256sum large.bin | cut -c-64");
  const name = Buffer.from("large.bin").toString("base64");
  const print = `printf '\\033]1337;File=name=${name};size=2000000:'; base64 -w 0 large.bin; printf '\\007\\n'`;
  await terminal.run(print);
  const save = list(page).getByRole("button", { name: "Save large.bin" });
  await expect(save).toBeVisible();
  await settle(page);
  const [file] = await Promise.all([page.waitForEvent("download"), save.click()]);
  const content = await contentOf(file);
  expect([content.length, createHash("sha256").update(content).digest("hex")]).toEqual([2_000_000, sha256]);
});

test("the selected name of a file is downloaded by the menu", async ({ terminal, page }) => {
  await terminal.run("mkdir -p menu && cd menu && echo chosen >file.txt");
  await terminal.run("ls");
  const row = (await terminal.rows()).indexOf("file.txt");
  const [x, y] = await terminal.place(row, 2);
  await page.mouse.click(x, y, { clickCount: 3 });
  await page.mouse.click(x, y, { button: "right" });
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download the selected file" }).click(),
  ]);
  expect((await contentOf(file)).toString()).toBe("chosen\n");
});

test("a file is brought from a phone by the page's menu", async ({ browser, stack }) => {
  const page = await (await browser.newContext(PHONE)).newPage();
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await page.getByRole("button", { name: "More" }).click();
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Upload files" }).click();
  await (await chosen).setFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from("a photo") });
  await expect(list(page)).toContainText("photo.jpg is in ~");
  await terminal.screenshot("files-phone");
  await page.context().close();
});
