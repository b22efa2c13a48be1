/**
 * Files that come to a real shell: by a drop, over HTTP to the service or through the gateway, and from an instructor.
 */

import { createHash, randomBytes } from "node:crypto";
import { expect, type Page } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

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

test("a file passes through the gateway where the page does not reach the service", async ({ terminal, page }) => {
  await page.route("**/api/sessions/*/files?**", (route) => route.abort());
  await terminal.run("mkdir -p gateway && cd gateway");
  const content = randomBytes(60_000).toString("hex");
  await drop(page, [{ name: "large.txt", content }]);
  // Keys have their echoes during the transfer.
  expect(await terminal.run("echo typed meanwhile")).toEqual(["typed meanwhile"]);
  await expect(list(page)).toContainText("large.txt is in ~/gateway");
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(await terminal.run("sha256sum large.txt | cut -c-64")).toEqual([sha256]);
});

test("a key has its echo between the messages of a file that goes through the gateway", async ({ terminal, page }) => {
  await page.route("**/api/sessions/*/files?**", (route) => route.abort());
  await terminal.run("mkdir -p typing && cd typing");
  const order = page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        const seen: string[] = [];
        window.termgate?.client.onMessage((frame) => {
          if (frame.type === "output") seen.push(`output ${new TextDecoder().decode(frame.bytes)}`);
          if (frame.type !== "transfer" && frame.type !== "stored") return;
          seen.push(frame.type);
          // The second answer: others follow.
          if (seen.filter((type) => type === "transfer").length === 2) window.termgate?.terminal?.input("#");
          if (frame.type === "stored") resolve(seen);
        });
      }),
  );
  // Some forty messages, one after the other.
  await drop(page, [{ name: "large.txt", content: randomBytes(400_000).toString("hex") }]);
  const seen = await order;
  const [key, echo] = [1, seen.findIndex((what) => what.startsWith("output") && what.includes("#"))];
  expect(echo, `the echo is among ${seen.join(", ")}`).toBeGreaterThan(key);
  expect(seen.slice(echo).filter((what) => what === "transfer").length).toBeGreaterThan(1);
  await expect(list(page)).toContainText("large.txt is in ~/typing");
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
