/**
 * A student and an instructor in one session.
 */

import { type Browser, type BrowserContextOptions, expect } from "@playwright/test";
import { prefer } from "./firefox.ts";
import { type Stack, test } from "./stack.ts";
import { PHONE, TerminalPage } from "./terminal-page.ts";

const CLASS = { grp: "class-7" };
const INSTRUCTOR = { ...CLASS, sub: "grace", name: "Grace Hopper", role: "instructor" };

interface Visitor {
  terminal: TerminalPage;
  leave(): Promise<void>;
}

const WINDOW: BrowserContextOptions = { viewport: { width: 1000, height: 420 } };

async function visit(browser: Browser, address: string, options = WINDOW): Promise<Visitor> {
  const context = await browser.newContext(options);
  const terminal = new TerminalPage(await context.newPage());
  await terminal.page.goto(address);
  await terminal.prompt();
  return { terminal, leave: () => context.close() };
}

/** A student's session of its own, and its instructor. */
async function classroom(
  browser: Browser,
  stack: Stack,
  options?: BrowserContextOptions,
): Promise<{ student: Visitor; instructor: Visitor }> {
  const session = `class-${crypto.randomUUID().slice(0, 8)}`;
  const ada = { ...CLASS, sub: `ada-${session}`, name: "Ada Lovelace", sid: session };
  const student = await visit(browser, stack.address(session, ada), options);
  // The student's page shows it for 10 s; the instructor's may need longer to open.
  const [instructor] = await Promise.all([
    visit(browser, stack.address(session, INSTRUCTOR)),
    expect(student.terminal.page.locator(".tg-detail")).toHaveText("Grace Hopper (instructor) is watching"),
  ]);
  return { student, instructor };
}

test("a student sees who watches, and raises a hand", async ({ browser, stack }) => {
  const { student, instructor } = await classroom(browser, stack);
  const [theirs, mine] = [student.terminal.page, instructor.terminal.page];
  await expect(theirs.locator(".tg-face")).toHaveText("GH");
  await expect(mine.locator(".tg-face")).toHaveText("AL");
  await theirs.getByRole("button", { name: "Raise hand" }).click();
  await mine.getByRole("button", { name: "Hand raised: I see it" }).click();
  await expect(theirs.locator(".tg-detail")).toHaveText("Grace Hopper has seen your hand");
  await theirs.getByRole("button", { name: /Here too: Grace Hopper/ }).click();
  await expect(theirs.getByRole("note")).toContainText("Grace Hopper, instructor since");
  await student.terminal.screenshot("classroom-student");
  await instructor.terminal.screenshot("classroom-instructor");
  // A reload is the same person, and the hand stays up.
  await mine.reload();
  await expect(mine.getByRole("button", { name: "Hand raised, seen" })).toBeVisible();
  await expect(theirs.locator(".tg-face")).toHaveText("GH");
  await theirs.keyboard.press("Escape");
  await theirs.getByRole("button", { name: "Hand seen: lower it" }).click();
  await expect(mine.getByRole("button", { name: /Hand raised/ })).toHaveCount(0);
  for (const visitor of [student, instructor]) {
    expect(visitor.terminal.problems).toEqual([]);
    await visitor.leave();
  }
});

test("a guest who was removed does not come back with the same link", async ({ browser, stack }) => {
  const { student, instructor } = await classroom(browser, stack);
  const session = new URL(student.terminal.page.url()).searchParams.get("session") ?? "";
  const link = stack.address(session, { sub: "guests", name: "Vic", role: "viewer", sid: session, jti: session });
  const [first, second] = [await visit(browser, link), await visit(browser, link)];
  const [mine, theirs] = [instructor.terminal.page, first.terminal.page];
  await mine.getByRole("button", { name: /Here too: Ada Lovelace, 2 guests/ }).click();
  const list = mine.getByRole("note");
  await expect(list.getByRole("button", { name: /^Remove/ })).toHaveCount(2);
  const button = list.getByRole("button", { name: /^Remove: Vic, closes this link \(2 people\)/ }).first();
  await button.click();
  const sure = list.getByRole("button", { name: /^Remove for good: Vic/ });
  await expect(sure).toHaveText("Remove for good: closes this link (2 people)");
  await instructor.terminal.screenshot("classroom-remove");
  // Legible also under the pointer.
  const colours = await sure.evaluate((it) => [getComputedStyle(it).color, getComputedStyle(it).backgroundColor]);
  expect(colours).toEqual(["rgb(255, 255, 255)", "rgb(9, 105, 218)"]);
  await sure.click();
  for (const { terminal } of [first, second]) {
    await expect(terminal.page.getByText("Your access to this terminal was ended").first()).toBeVisible();
  }
  await expect(student.terminal.page.locator(".tg-face")).toHaveText("GH");
  await theirs.reload();
  await expect(theirs.getByText("Your access to this terminal was ended").first()).toBeVisible();
  await first.terminal.screenshot("classroom-removed");
  // The student does not find the button at the instructor.
  await student.terminal.page.getByRole("button", { name: /Here too: Grace Hopper/ }).click();
  await expect(student.terminal.page.getByRole("note")).toContainText("Grace Hopper, instructor since");
  await expect(student.terminal.page.getByRole("button", { name: /^Remove/ })).toHaveCount(0);
  for (const visitor of [student, instructor]) expect(visitor.terminal.problems).toEqual([]);
  for (const { terminal } of [first, second]) {
    expect(terminal.problems.filter((problem) => !problem.startsWith("[Terminal] Giving up: "))).toEqual([]);
  }
  for (const visitor of [student, instructor, first, second]) await visitor.leave();
});

test("an instructor asks to type, and the student takes the keyboard back", async ({ browser, stack }) => {
  const { student, instructor } = await classroom(browser, stack);
  const [theirs, mine] = [student.terminal.page, instructor.terminal.page];
  const button = (page: typeof mine, name: string) => page.getByRole("button", { name, exact: true });
  const typing = (page: typeof mine) => page.locator(".tg-typing");
  await button(mine, "Ask to type").click();
  await expect(typing(theirs)).toHaveText("Grace Hopper asks to type");
  await student.terminal.screenshot("classroom-asked");
  // In a window of 1000 px, the question is there as a whole, with its answers.
  const isCut = (words: HTMLElement) => [...words.children].some((part) => part.scrollWidth > part.clientWidth);
  for (const theme of ["dark", "light"] as const) {
    await prefer(theirs, theme);
    expect(await typing(theirs).evaluate(isCut), theme).toBe(false);
    for (const answer of ["Allow for now", "Until taken back", "No"]) {
      await expect(button(theirs, answer)).toBeInViewport({ ratio: 1 });
    }
    await student.terminal.screenshot(`classroom-asked-${theme}`);
  }
  await button(theirs, "Until taken back").click();
  await expect(typing(mine)).toHaveText("You type in this terminal too");
  await mine.keyboard.type("echo second-$((40 + 2))\n");
  await student.terminal.shows("second-42");
  await expect(typing(theirs)).toHaveText("Grace Hopper types in this terminal too");
  // A reload keeps the loan, and its page types.
  await mine.reload();
  await instructor.terminal.prompt();
  await expect(typing(mine)).toHaveText("You type in this terminal too");
  await mine.keyboard.type("echo third-$((40 + 3))\n");
  await student.terminal.shows("third-43");
  await button(theirs, "Take back").click();
  await expect(mine.locator(".tg-badge")).toHaveText("Read-only");
  await mine.keyboard.type("echo late-$((40 + 4))\n");
  await expect(mine.locator(".tg-detail")).toHaveText("You can watch this terminal, but not type in it");
  await theirs.keyboard.type("echo own-$((40 + 5))\n");
  await instructor.terminal.shows("own-45");
  expect(await student.terminal.text()).not.toContain("late-");
  for (const visitor of [student, instructor]) {
    expect(visitor.terminal.problems).toEqual([]);
    await visitor.leave();
  }
});

test("keys that are typed on a loan arrive once and in order over connections that are lost", async ({
  browser,
  launch,
}) => {
  test.slow();
  const stack = await launch({}, "--fault", "none", "--seed", "5");
  const { student, instructor } = await classroom(browser, stack);
  const [theirs, mine] = [student.terminal.page, instructor.terminal.page];
  const button = (page: typeof mine, name: string) => page.getByRole("button", { name, exact: true });
  await student.terminal.run("stty -echo; PS1='ready$ '");
  await student.terminal.startReader("cat > typed.txt");
  await button(mine, "Ask to type").click();
  await button(theirs, "Until taken back").click();
  await expect(mine.locator(".tg-typing")).toHaveText("You type in this terminal too");
  await stack.faults("reorder=0.2,repeat=0.05,lose=0.02,delay=0..50");
  const lines: string[] = [];
  for (const how of ["abort", "close", "abort"] as const) {
    const cut = stack.cut(how);
    for (let row = 0; row < 4; row += 1) {
      lines.push(`line ${lines.length} of Grace, grüße 日本`);
      await mine.keyboard.type(`${lines.at(-1)}\n`, { delay: 10 });
    }
    await cut;
  }
  await stack.faults("none");
  await expect(mine.locator(".tg-typing")).toHaveText("You type in this terminal too");
  await mine.keyboard.press("Control+d");
  // The prompt above is that of `cat`.
  await student.terminal.shows(/ready\$ ?\nready\$ ?$/, 60_000);
  await student.terminal.echoAgain();
  expect(await student.terminal.run("cat typed.txt")).toEqual(lines);
  // Lost while the owner takes the keyboard back: what comes late is not typed.
  const taken = button(theirs, "Take back").click();
  await stack.cut("abort");
  await taken;
  await expect(mine.locator(".tg-badge")).toHaveText("Read-only");
  await mine.keyboard.type("echo late-$((40 + 4))\n");
  expect(await student.terminal.run("echo own-$((40 + 5))")).toEqual(["own-45"]);
  expect(await student.terminal.text()).not.toContain("late-");
  for (const visitor of [student, instructor]) await visitor.leave();
});

test("on a phone, a student sees who watches, raises a hand, and lends and takes back the keyboard", {
  tag: "@chromium",
}, async ({ browser, stack }) => {
  const { student, instructor } = await classroom(browser, stack, PHONE);
  const [theirs, mine] = [student.terminal.page, instructor.terminal.page];
  const small = () =>
    theirs.evaluate(() =>
      [...document.querySelectorAll("button")]
        .map((button) => ({ name: button.textContent || button.ariaLabel, box: button.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 1 && (box.width < 44 || box.height < 44 || box.right > window.innerWidth))
        .map(({ name, box }) => `${name} ${box.width}×${box.height} up to ${box.right}`),
    );
  const looks = async (name: string) => {
    for (const colorScheme of ["dark", "light"] as const) {
      await prefer(theirs, colorScheme);
      await student.terminal.screenshot(`classroom-phone-${name}-${colorScheme}`);
    }
    expect(await theirs.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
    expect(await small(), name).toEqual([]);
  };
  const notice = theirs.locator(".tg-toast");
  await theirs.getByRole("button", { name: "Raise hand" }).tap();
  await mine.getByRole("button", { name: "Hand raised: I see it" }).click();
  await expect(notice).toHaveText("Grace Hopper has seen your hand");
  await expect(notice).toBeInViewport({ ratio: 1 });
  await looks("hand");
  await mine.getByRole("button", { name: "Ask to type", exact: true }).click();
  for (const answer of ["Allow for now", "Until taken back", "No"]) {
    await expect(theirs.getByRole("button", { name: answer, exact: true })).toBeInViewport({ ratio: 1 });
  }
  await looks("asked");
  await theirs.getByRole("button", { name: "Allow for now", exact: true }).tap();
  await expect(mine.locator(".tg-typing")).toHaveText("You type in this terminal too");
  await mine.keyboard.type("echo lent-$((40 + 2))\n");
  await student.terminal.shows("lent-42");
  await looks("lent");
  await theirs.getByRole("button", { name: "Take back", exact: true }).tap();
  await expect(mine.locator(".tg-badge")).toHaveText("Read-only");
  for (const visitor of [student, instructor]) {
    expect(visitor.terminal.problems).toEqual([]);
    await visitor.leave();
  }
});
