/**
 * An instructor's wall over students with real shells.
 */

import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, expect, type Page } from "@playwright/test";
import { visit } from "./dev-token.ts";
import { fill, prefer } from "./firefox.ts";
import { test } from "./stack.ts";
import { TerminalPage } from "./terminal-page.ts";

/** Creates a class on its page, and returns the addresses of its links. */
async function createClass(page: Page, url: string, students: number): Promise<{ wall: string; students: string[] }> {
  await visit(page, `${url}/class`);
  await fill(page.getByLabel("Name"), `class-${crypto.randomUUID().slice(0, 8)}`);
  await fill(page.getByLabel("Students"), String(students));
  await page.getByRole("button", { name: "Create" }).click();
  const links = page.getByRole("listitem").getByRole("link");
  await expect(links).toHaveCount(students + 1);
  const addresses = await links.evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).href));
  const [wall, ...rest] = addresses as [string, ...string[]];
  return { wall, students: rest };
}

/** A student's page, in a browser of its own. */
async function student(browser: Browser, address: string): Promise<TerminalPage> {
  const context = await browser.newContext();
  const terminal = new TerminalPage(await context.newPage());
  await terminal.page.goto(address);
  await terminal.prompt();
  return terminal;
}

const tile = (page: Page, name: string) => page.locator(".tg-wall-tile", { hasText: name });
const screen = (page: Page, name: string) => tile(page, name).locator(".tg-wall-screen");

test("a wall shows every student's screen, and a tile opens in place", async ({ page, browser, stack }) => {
  const links = await createClass(page, stack.url, 4);
  const students = [];
  for (const address of links.students.slice(0, 3)) students.push(await student(browser, address));
  const [one, two, three] = students as [TerminalPage, TerminalPage, TerminalPage];
  await one.run("printf '\\e[1;31mred \\e[42mgreen\\e[0m 漢字 plain\\n'");
  await two.run("false");
  await three.run("ls --color=always -d / /etc /bin");
  const wall = await (await browser.newContext({ viewport: { width: 1100, height: 800 } })).newPage();
  const problems: string[] = [];
  wall.on("pageerror", (error) => problems.push(error.message));
  await wall.goto(links.wall);
  await expect(wall.locator(".tg-wall-tile")).toHaveCount(3);
  await expect(one.page.locator(".tg-detail")).toContainText("(instructor) is watching");
  await expect(one.page.getByRole("button", { name: "Here too: Instructor" })).toBeVisible();
  await expect(screen(wall, "Student 1")).toContainText("red green 漢字 plain");
  await expect(screen(wall, "Student 1").getByText("red ", { exact: true })).toHaveCSS("font-weight", "700");
  await expect(tile(wall, "Student 2")).toContainText("Last command failed (1)");
  await expect(tile(wall, "Student 2").locator(".tg-wall-command")).toHaveText("false");
  await expect(wall.getByRole("region", { name: "Student 2, Last command failed (1)" })).toBeVisible();
  // The failed command comes first.
  await expect(wall.locator(".tg-wall-tile").first()).toContainText("Student 2");
  await three.page.getByRole("button", { name: "Raise hand" }).click();
  await expect(tile(wall, "Student 3")).toContainText("Hand raised");
  await three.type("echo live from three\n");
  await expect(screen(wall, "Student 3")).toContainText("live from three");
  for (const theme of ["dark", "light"] as const) {
    await prefer(wall, theme);
    await wall.screenshot({ path: `test-results/screenshots/wall-${theme}.png` });
  }
  const wide = wall.viewportSize();
  await wall.setViewportSize({ width: 390, height: 844 });
  await expect(screen(wall, "Student 3")).toContainText("live from three");
  await wall.screenshot({ path: "test-results/screenshots/wall-phone.png" });
  expect(await wall.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  if (wide) await wall.setViewportSize(wide);
  await fill(wall.getByLabel("Search"), "student 3");
  await expect(wall.locator(".tg-wall-tile")).toHaveCount(1);
  await fill(wall.getByLabel("Search"), "");
  // By keyboard.
  await tile(wall, "Student 1").getByRole("button", { name: "Open" }).focus();
  await wall.keyboard.press("Enter");
  await expect(wall.locator(".tg-wall-opened [data-status=connected]")).toBeVisible();
  await wall.screenshot({ path: "test-results/screenshots/wall-opened.png" });
  await one.page.context().close();
  await expect(tile(wall, "Student 1")).toContainText("Away");
  expect(problems).toEqual([]);
  await wall.context().close();
});

test("the wall and its class page work with a screen reader and by keyboard alone", async ({
  page,
  browser,
  stack,
}) => {
  const links = await createClass(page, stack.url, 2);
  const violations = async (of: Page) => {
    const { violations } = await new AxeBuilder({ page: of }).analyze();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.html}`));
  };
  for (const theme of ["dark", "light"] as const) {
    await prefer(page, theme);
    expect(await violations(page), `the class, ${theme}`).toEqual([]);
  }
  const one = await student(browser, links.students[0] as string);
  await one.run(
    "for i in 1 2 3 4 5 6 7; do printf '\\e[3%dm colour %d \\e[9%dm bright\\e[0m\\n' $i $i $i; done; false",
  );
  await one.page.getByRole("button", { name: "Raise hand" }).click();
  const wall = await (await browser.newContext({ viewport: { width: 1100, height: 800 } })).newPage();
  await wall.goto(links.wall);
  await expect(tile(wall, "Student 1")).toContainText("Hand raised");
  for (const theme of ["dark", "light"] as const) {
    await prefer(wall, theme);
    expect(await violations(wall), theme).toEqual([]);
  }
  // From the address bar: to the search, to the message, and to the tile.
  await wall.keyboard.press("Tab");
  await expect(wall.getByLabel("Search")).toBeFocused();
  await wall.keyboard.press("Tab");
  await wall.keyboard.press("Enter");
  expect(await violations(wall), "the message to everyone").toEqual([]);
  await wall.getByRole("button", { name: "Message to everyone" }).click();
  await wall.getByLabel("Search").focus();
  const open = wall.getByRole("button", { name: "Open Student 1" });
  for (let presses = 0; presses < 2; presses += 1) await wall.keyboard.press("Tab");
  await expect(open).toBeFocused();
  await wall.keyboard.press("Enter");
  await expect(wall.locator(".tg-wall-opened [data-status=connected]")).toBeVisible();
  expect(await violations(wall), "an opened tile").toEqual([]);
  const close = wall.getByRole("button", { name: "Close Student 1" });
  await close.focus();
  await wall.keyboard.press("Enter");
  await expect(close).toHaveCount(0);
  await one.page.context().close();
  await wall.context().close();
});

test("nothing that a student prints reaches the wall but as text", async ({ page, browser, stack }) => {
  const links = await createClass(page, stack.url, 1);
  const mallory = await student(browser, links.students[0] as string);
  const wall = await (await browser.newContext()).newPage();
  await wall.goto(links.wall);
  await expect(wall.locator(".tg-wall-tile")).toHaveCount(1);
  const html = "<img src=x onerror=window.hit=1><b class=tg-wall-name>Instructor</b>";
  const attacks = [
    `printf '%s\\n' '${html}'`,
    "printf '\\e]8;;javascript:window.hit=1\\aclick me\\e]8;;\\a\\n'",
    "printf 'a\\u202egnp.exe\\u202c \\u200bhidden \\u2066x\\u2069\\n'",
    "printf '\\x1b]52;c;aGl0\\a\\x9b31mc1\\n'",
    // A prompt of its own sets no title.
    "PS1='done$ '",
    `printf '\\e]2;${html}\\a'`,
  ];
  for (const attack of attacks) await mallory.type(`${attack}\n`);
  const drawn = screen(wall, "Student 1");
  await expect(drawn).toContainText("<img src=x");
  await expect(drawn).toContainText("click me");
  await expect(tile(wall, "Student 1").locator(".tg-wall-title")).toContainText("<img");
  const found = await wall.evaluate(() => {
    const root = document.querySelector(".tg-wall-tiles");
    const elements = [...(root?.querySelectorAll("*") ?? [])].map((element) => element.tagName.toLowerCase());
    const text = root?.textContent ?? "";
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f]/.test(text);
    return { elements: [...new Set(elements)].sort(), hidden, hit: "hit" in window };
  });
  expect(found.hidden).toBe(false);
  expect(found.hit).toBe(false);
  expect(found.elements).toEqual(["bdi", "button", "div", "header", "li", "p", "section", "span"]);
  await expect(tile(wall, "Student 1").locator("bdi.tg-wall-name")).toHaveText(["Student 1"]);
  await mallory.page.context().close();
  await wall.context().close();
});

/** Programs of a class: full screens, lines that come every second, colours, and a command that fails. */
const PROGRAMS = [
  "top -d 1",
  "while sleep 1; do date +%T; done",
  "ls --color=always -l /usr",
  "sh -c 'exit 3'",
  "less /etc/passwd",
  "for i in 1 2 3 4 5 6 7; do printf '\\e[4%sm  colour %s  \\e[0m\\n' $i $i; done",
];

/** Starts a shell for each address from within one page, which stays connected, and types a line into each. */
function startShells(page: Page, addresses: string[], lines: string[]): Promise<void> {
  return page.evaluate(
    async ([addresses, lines]) => {
      const started = addresses.map((address, at) => {
        const { origin, hash } = new URL(address);
        const secrets = new URLSearchParams(hash.slice(1));
        const url = origin.replace("http", "ws") + (secrets.get("at") ?? "");
        const socket = new WebSocket(url, ["termgate", secrets.get("token") ?? ""]);
        const send = (message: object) => socket.send(JSON.stringify(message));
        const attach = { type: "attach", client: crypto.randomUUID(), cols: 80, rows: 24 };
        // Sent again without an answer, as a page does: thirty shells start at once.
        const asking = setInterval(() => socket.readyState === WebSocket.OPEN && send(attach), 5000);
        socket.onopen = () => send(attach);
        return new Promise<void>((resolve, reject) => {
          socket.onclose = ({ code }) => reject(new Error(`student ${at} was closed with ${code}`));
          socket.onmessage = ({ data }) => {
            const { type, epoch, pos, len, inputSeq } = JSON.parse(data);
            if (type === "output" || type === "event") send({ type: "ack", epoch, pos: pos + (len ?? 1) });
            if (type !== "attached") return;
            clearInterval(asking);
            if (inputSeq === 0) send({ type: "input", seq: 1, epoch, data: `${lines[at % lines.length]}\r` });
            resolve();
          };
        });
      });
      await Promise.all(started);
    },
    [addresses, lines] as const,
  );
}

test("thirty students with real shells are on one wall, live", async ({ page, browser, stack }) => {
  test.slow();
  const links = await createClass(page, stack.url, 30);
  await startShells(page, links.students, PROGRAMS);
  const wall = await (await browser.newContext({ viewport: { width: 1600, height: 1000 } })).newPage();
  const problems: string[] = [];
  wall.on("pageerror", (error) => problems.push(error.message));
  await wall.goto(links.wall);
  await expect(wall.locator(".tg-wall-tile")).toHaveCount(30);
  const named = (number: number) => wall.getByRole("region", { name: new RegExp(`^Student ${number}\\b`) });
  const expected = ["load average", /\d\d:\d\d:\d\d/, "total", "Last command failed (3)", "root:x:0", "colour 7"];
  for (let number = 1; number <= 30; number++) {
    await named(number).scrollIntoViewIfNeeded();
    await expect(named(number)).toContainText(expected[(number - 1) % expected.length] as string | RegExp);
    await expect(named(number)).not.toContainText("Away");
  }
  // Each tile is as tall as what it has, however many there are.
  const cut = (tiles: Element[]) => tiles.filter((tile) => tile.scrollHeight > tile.clientHeight).length;
  expect(await wall.locator(".tg-wall-tile").evaluateAll(cut)).toBe(0);
  // A clock goes on, in each that has one.
  await wall.evaluate(() => window.scrollTo(0, 0));
  for (const number of [2, 8, 14, 20, 26]) {
    await named(number).scrollIntoViewIfNeeded();
    const before = await named(number).textContent();
    await expect.poll(() => named(number).textContent()).not.toBe(before);
  }
  await wall.evaluate(() => window.scrollTo(0, 0));
  for (const theme of ["dark", "light"] as const) {
    await prefer(wall, theme);
    await wall.screenshot({ path: `test-results/screenshots/wall-of-thirty-${theme}.png` });
  }
  // Four are open at a time: a fifth takes the place of the first.
  for (let number = 1; number <= 5; number++) {
    await named(number).scrollIntoViewIfNeeded();
    await named(number)
      .getByRole("button", { name: `Open Student ${number}`, exact: true })
      .click();
  }
  const opened = wall.locator(".tg-wall-opened .tg-wall-name");
  await expect(opened).toHaveText([2, 3, 4, 5].map((number) => `Student ${number}`));
  expect(problems).toEqual([]);
  await wall.context().close();
});
