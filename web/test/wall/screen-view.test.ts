// @vitest-environment jsdom
import { expect, test } from "vitest";
import { cssColour, drawLine, ScreenView } from "../../src/view/wall/screen-view.ts";

test("colours are the theme's, the palette's, or their own", () => {
  expect([0, 1, 16, 17, 232, 233, 256, 0x1000000 + 0x0a0b0c].map(cssColour)).toEqual([
    undefined,
    "var(--tg-colour-0)",
    "var(--tg-colour-15)",
    "rgb(0,0,0)",
    "rgb(255,255,255)",
    "rgb(8,8,8)",
    "rgb(238,238,238)",
    "#0a0b0c",
  ]);
});

test("text is never markup", () => {
  const line = document.createElement("div");
  const text = "<img src=x onerror=alert(1)>";
  line.replaceChildren(
    ...drawLine([
      text,
      [
        [4, 2, 0, 1],
        [text.length - 4, 0, 0, 0],
      ],
    ]),
  );
  expect(line.textContent).toBe(text);
  expect([...line.querySelectorAll("*")].map(({ tagName }) => tagName)).toEqual(["SPAN", "SPAN"]);
  expect((line.firstChild as HTMLElement).style.fontWeight).toBe("bold");
});

test("only lines that changed are touched", () => {
  const root = document.createElement("div");
  const view = new ScreenView(root);
  const [same, other] = [["same", []] as const, ["other", []] as const];
  const screen = { cols: 80, rows: 2, cursor: [1, 1] as const, at: 1 };
  view.show({ ...screen, lines: [same, ["before", []]] });
  const kept = root.children[0]?.firstChild;
  view.show({ ...screen, lines: [same, other], cursor: undefined });
  expect(root.textContent).toBe("sameother");
  expect(root.children[0]?.firstChild).toBe(kept);
  view.show({ ...screen, rows: 1, lines: [other] });
  expect(root.textContent).toBe("other");
});
