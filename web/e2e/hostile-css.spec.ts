/**
 * Nothing of a page's own style sheet reaches the terminal.
 */

import { expect, type Page } from "@playwright/test";
import { test } from "./stack.ts";
import type { TerminalPage } from "./terminal-page.ts";

/** Rules as the default pages of Vite, Tailwind and Bootstrap have them, and worse ones. */
const SHEETS: Record<string, string> = {
  vite: "#root, body { text-align: center; line-height: 1.5; font-weight: 400; font-synthesis: none; } button { border-radius: 8px; padding: 0.6em 1.2em; font-size: 1em; } h1 { font-size: 3.2em; }",
  inherited:
    "body { letter-spacing: 3px; word-spacing: 9px; text-transform: uppercase; text-indent: 40px; text-shadow: 2px 2px red; font-variant: small-caps; font-style: italic; visibility: visible; }",
  everything:
    "* { box-sizing: content-box; letter-spacing: 2px; text-align: right; text-transform: uppercase; line-height: 2.2; margin: 2px; font-size: 20px; }",
  elements:
    "div { padding: 3px; margin: 4px; text-align: center; background: pink; } span { letter-spacing: 4px; font-size: 22px; margin: 1px; color: red; } button { width: 100%; text-transform: uppercase; min-height: 60px; } textarea { width: 100%; } canvas, img { max-width: 50%; height: auto; } div::before { content: 'x'; }",
  preflight:
    "*, ::after, ::before { box-sizing: border-box; margin: 0; padding: 0; border: 0 solid; } html { line-height: 1.5; tab-size: 4; } canvas, img, svg, video { display: block; vertical-align: middle; } img, video { max-width: 100%; height: auto; } button, input, textarea { font: inherit; letter-spacing: inherit; color: inherit; border-radius: 0; background-color: transparent; opacity: 1; }",
  bootstrap:
    "*, ::after, ::before { box-sizing: border-box; } body { margin: 0; font: 400 1rem/1.5 serif; text-align: center; } p { margin-top: 0; margin-bottom: 1rem; } ol { padding-left: 2rem; } label { display: inline-block; } button { border-radius: 0; text-transform: none; } b { font-weight: bolder; } [type=button] { -webkit-appearance: button; }",
  classes:
    "body * { text-transform: uppercase; } .workspace .pane .xterm * { text-align: right; } .workspace .pane * { word-spacing: 9px; text-indent: 9px; }",
};

/** Places and looks of the terminal's parts. */
async function look(page: Page): Promise<unknown> {
  return page.evaluate(() => {
    const box = (element: Element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x, y, width, height].map((value) => Math.round(value * 10) / 10);
    };
    const stage = document.querySelector(".tg") ?? document.body;
    const origin = box(stage);
    const own = (selector: string) =>
      [...document.querySelectorAll(selector)].map((element) => {
        const [x = 0, y = 0, width, height] = box(element);
        const style = getComputedStyle(element);
        const text = [style.textAlign, style.textTransform, style.letterSpacing, style.fontSize, style.textShadow];
        return [x - (origin[0] ?? 0), y - (origin[1] ?? 0), width, height, ...text, style.direction, style.color];
      });
    const rows = own(".tg .xterm-rows > div");
    return {
      rows,
      spans: own(".tg .xterm-rows > div:first-child > span"),
      status: own(".tg-status > *"),
      screen: own(".tg .xterm-screen"),
    };
  });
}

/** Waits until everything has its place, and what the shell printed is drawn. */
async function settle(terminal: TerminalPage): Promise<void> {
  await terminal.settle();
  await expect(terminal.page.locator(".tg .xterm-rows > div").nth(2)).toContainText(/[$#]/);
}

/** Fixes the place of the elements around the terminal, so that a page's rules do not move it as a whole. */
const FIXED =
  ".workspace { position: fixed !important; inset: 0 !important; margin: 0 !important; padding: 0 !important; } .bar, .pane::before { display: none !important; } .panes, .panel, .pane { position: absolute !important; inset: 0 !important; margin: 0 !important; padding: 0 !important; }";

for (const [name, sheet] of Object.entries(SHEETS)) {
  test(`the terminal looks the same on a page with the rules of ${name}`, async ({ terminal }) => {
    const { page } = terminal;
    await page.addStyleTag({ content: FIXED });
    await terminal.fitted();
    await terminal.run("printf 'Some \\033[1mBold\\033[m text 漢字 \\n'");
    await settle(terminal);
    const before = await look(page);
    await page.addStyleTag({ content: sheet });
    await terminal.screenshot(`css-${name}`);
    await expect.poll(() => look(page)).toEqual(before);
  });
}

test("the terminal runs from left to right on a page that does not", async ({ terminal }) => {
  const { page } = terminal;
  await terminal.run("echo Some text");
  await settle(terminal);
  const before = await look(page);
  await page.evaluate(() => {
    document.documentElement.dir = "rtl";
  });
  await terminal.screenshot("css-rtl");
  await expect.poll(() => look(page)).toEqual(before);
});

test("no rule of the terminal reaches the page", async ({ terminal }) => {
  const selectors = await terminal.page.evaluate(() => {
    const sheet = document.querySelector<HTMLStyleElement>('style[data-href~="termgate"]')?.sheet;
    const rules = (list: CSSRuleList): string[] =>
      [...list].flatMap((rule) =>
        rule instanceof CSSStyleRule ? [rule.selectorText] : rule instanceof CSSMediaRule ? rules(rule.cssRules) : [],
      );
    return sheet ? rules(sheet.cssRules) : [];
  });
  expect(selectors.length).toBeGreaterThan(50);
  for (const selector of selectors) {
    for (const part of selector.split(/,(?![^(]*\))/))
      expect(part.trim()).toMatch(/^(\.tg|:where\(\.tg|:is\(#termgate, \.tg)/);
  }
});
