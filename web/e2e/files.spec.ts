/**
 * Files between the page and a real shell, over HTTP to the service, or through the gateway.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Download, expect, type Page } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { PHONE, TerminalPage } from "./terminal-page.ts";

const list = (page: Page) => page.locator(".tg-files");

/** Drops files on the terminal, as the browser does it. */
async function drop(page: Page, files: { name: string; content: string }[]): Promise<void> {
  const data = await page.evaluateHandle((dropped) => {
    const transfer = new DataTransfer();
    for (const { name, content } of dropped) transfer.items.add(new File([content], name));
    return transfer;
  }, files);
  const stage = page.locator(".tg-stage");
  await stage.dispatchEvent("dragover", { dataTransfer: data });
  await expect(page.getByText("Drop files to bring them to the directory of the shell")).toBeVisible();
  await stage.dispatchEvent("drop", { dataTransfer: data });
}

/** Waits until a click on an offer is meant for it. */
async function settle(page: Page): Promise<void> {
  const since = await page.evaluate(() => performance.now());
  await page.waitForFunction((at) => performance.now() >= at + 500, since);
}

async function contentOf(download: Download): Promise<Buffer> {
  return readFile((await download.path()) ?? "");
}

test("files that are dropped are in the directory of the shell, and no other is replaced", async ({
  terminal,
  page,
}) => {
  await terminal.run("mkdir -p work && cd work && echo kept >notes.txt");
  await drop(page, [
    { name: "notes.txt", content: "from the page\n" },
    { name: "données 漢字.csv", content: "1,2\n" },
  ]);
  await expect(list(page)).toContainText("notes (1).txt is in ~/work");
  await expect(list(page)).toContainText("données 漢字.csv is in");
  await terminal.screenshot("files-dropped");
  expect(await terminal.run("cat notes.txt 'notes (1).txt' donn*")).toEqual(["kept", "from the page", "1,2"]);
  await list(page).getByRole("button", { name: "Dismiss" }).first().click();
  await expect(list(page)).not.toContainText("notes (1).txt is in ~/work");
  expect(terminal.problems).toEqual([]);
});

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

test("files pass through the gateway where the page does not reach the service", async ({ terminal, page }) => {
  await page.route("**/api/sessions/*/files?**", (route) => route.abort());
  await terminal.run("mkdir -p gateway && cd gateway");
  const content = randomBytes(60_000).toString("hex");
  await drop(page, [{ name: "large.txt", content }]);
  // Keys have their echoes during the transfer.
  expect(await terminal.run("echo typed meanwhile")).toEqual(["typed meanwhile"]);
  await expect(list(page)).toContainText("large.txt is in ~/gateway");
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(await terminal.run("sha256sum large.txt | cut -c-64")).toEqual([sha256]);
  await terminal.run("tg-download large.txt ~/gateway");
  const save = (name: string) => list(page).getByRole("button", { name: `Save ${name}` });
  await expect(save("gateway")).toBeVisible();
  await settle(page);
  const [file] = await Promise.all([page.waitForEvent("download"), save("large.txt").click()]);
  expect(file.suggestedFilename()).toBe("large.txt");
  expect((await contentOf(file)).toString()).toBe(content);
  const [folder] = await Promise.all([page.waitForEvent("download"), save("gateway").click()]);
  expect(folder.suggestedFilename()).toBe("gateway.tar");
  expect((await contentOf(folder)).includes(content)).toBe(true);
  await terminal.screenshot("files-through-the-gateway");
});

test("a file goes on over the next connection where the first one is lost", async ({ launch, page }) => {
  const stack = await launch({}, "--fault", "none");
  const terminal = new TerminalPage(page);
  await terminal.open(stack.url);
  await terminal.run("mkdir lost && cd lost");
  await page.route("**/api/sessions/*/files?**", (route) => route.abort());
  const content = randomBytes(500_000).toString("hex");
  await drop(page, [{ name: "large.txt", content }]);
  await expect(list(page).locator(".tg-percent")).toHaveText(/^([5-9]|[1-9]\d) %$/, { timeout: 20_000 });
  const sockets = terminal.sockets;
  await stack.cut("abort");
  await expect(list(page)).toContainText("large.txt is in ~/lost", { timeout: 30_000 });
  expect(terminal.sockets).toBeGreaterThan(sockets);
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(await terminal.run("sha256sum large.txt | cut -c-64; ls -A")).toEqual([sha256, "large.txt"]);
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

test("one who only watches gets no offers, and a drop opens nothing", async ({ terminal, stack, page, browser }) => {
  const session = await page.evaluate(() => window.termgate?.client.access.sessionId ?? "");
  const watching = new TerminalPage(await browser.newPage());
  await watching.open(stack.address(session, { sub: "vic", sid: session, role: "viewer" }));
  await terminal.run("tg-download ~");
  await watching.shows("tg-download");
  await expect(list(page).getByRole("button", { name: /^Save / })).toBeVisible();
  expect(await list(watching.page).count()).toBe(0);
  const address = watching.page.url();
  await watching.page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["x"], "x.txt"));
    document
      .querySelector(".tg-stage")
      ?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  expect(watching.page.url()).toBe(address);
  await watching.page.close();
});

test("an instructor hands a file to every student of the class", async ({ stack, browser }) => {
  const [group, first, second] = Array.from({ length: 3 }, () => `files-${crypto.randomUUID().slice(0, 8)}`);
  const students: TerminalPage[] = [];
  for (const sid of [first, second]) {
    const student = new TerminalPage(await browser.newPage());
    await student.page.goto(stack.address(sid ?? "", { sub: sid, sid, grp: group, name: "Ada" }));
    await student.prompt();
    students.push(student);
  }
  const wall = await browser.newPage();
  const claims = { sub: "grace", role: "instructor", grp: group, name: "Grace Hopper" };
  const address = stack.address("", claims).replace("/?session=#", "/class?#");
  await visit(wall, address);
  await expect(wall.getByText("2 students")).toBeVisible();
  await wall.getByRole("button", { name: "Hand out a file" }).click();
  const plan = { name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from("the plan\n") };
  await wall.getByLabel(/^A file for the home directory/).setInputFiles(plan);
  await wall.getByRole("button", { name: "Hand out", exact: true }).click();
  await expect(wall.getByText("2 students have it")).toBeVisible();
  await wall.screenshot({ path: "test-results/screenshots/files-hand-out.png" });
  for (const student of students) {
    await expect(student.page.locator(".tg-offers")).toContainText("plan.txt is in your home directory");
    expect(await student.run("cat ~/plan.txt")).toEqual(["the plan"]);
  }
  await students[0]?.screenshot("files-handed-out");
});
