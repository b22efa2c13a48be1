// @vitest-environment jsdom
/**
 * The terminal's own menu: the commands that each user has, its keys, and a clipboard that refuses.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { INITIAL_STATE, type TerminalState } from "../../src/core/index.ts";
import { ContextMenu } from "../../src/view/context-menu.tsx";
import type { TermgateHandle } from "../../src/view/handle.ts";
import { clipboardOf, menuItems } from "../../src/view/use-menu.ts";
import type { OpenTerminal } from "../../src/xterm/index.ts";

const onClose = vi.fn();
const clipboard = { copySelection: vi.fn(), copy: vi.fn(), paste: vi.fn() };

beforeEach(() => vi.clearAllMocks());
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(fields: Partial<TerminalState> = {}, selected = false, cause: "mouse" | "touch" = "mouse") {
  const terminal = { hasSelection: () => selected, selectAll: vi.fn() };
  const handle = { terminal, search: vi.fn(), clear: vi.fn(), download: vi.fn() } as unknown as TermgateHandle;
  const items = menuItems(handle, { ...INITIAL_STATE, role: "controller", ...fields }, clipboard);
  render(<ContextMenu at={{ clientX: 10, clientY: 10 }} cause={cause} items={items} onClose={onClose} />);
  return handle;
}

const disabled = () =>
  screen
    .getAllByRole("menuitem", { hidden: true })
    .filter((item) => item.getAttribute("aria-disabled") === "true")
    .map((item) => item.firstChild?.textContent);
// The test environment knows no popovers.
const item = (name: RegExp) => screen.getByRole("menuitem", { name, hidden: true });

test("copies only a selection, and a viewer cannot paste", () => {
  open({}, true);
  expect(disabled()).toEqual([]);
  cleanup();
  open({ role: "viewer" });
  expect(disabled()).toEqual(["Copy", "Paste"]);
  fireEvent.click(item(/^Copy/));
  fireEvent.click(item(/^Paste/));
  expect(clipboard.copySelection).not.toHaveBeenCalled();
  expect(clipboard.paste).not.toHaveBeenCalled();
  expect(onClose).not.toHaveBeenCalled();
});

test("a command closes the menu first, so that the find bar gets the focus", () => {
  const handle = open();
  vi.mocked(handle.search).mockImplementation(() => expect(onClose).toHaveBeenCalledWith(true));
  fireEvent.click(item(/^Find/));
  expect(handle.search).toHaveBeenCalledOnce();
});

test("the output of a command can be copied where commands are marked", () => {
  const handle = { terminal: { hasSelection: () => true } } as unknown as TermgateHandle;
  const items = (output?: string | null) =>
    menuItems(handle, { ...INITIAL_STATE, role: "controller" }, clipboard, output);
  const find = (output?: string | null) => items(output).find(({ name }) => name === "Copy command output");
  expect(find()).toBeUndefined();
  expect(find(null)?.disabled).toBe(true);
  expect(find("")?.disabled).toBe(false);
  find("one\ntwo")?.act();
  expect(clipboard.copy).toHaveBeenCalledWith("one\ntwo");
});

test("arrows go round, and Escape reaches nothing else", () => {
  const outside = vi.fn();
  document.addEventListener("keydown", outside);
  open();
  expect(document.activeElement).toBe(item(/^Copy/));
  fireEvent.keyDown(document.activeElement as Element, { key: "ArrowUp" });
  expect(document.activeElement).toBe(item(/^Save/));
  fireEvent.keyDown(document.activeElement as Element, { key: "ArrowDown" });
  expect(document.activeElement).toBe(item(/^Copy/));
  fireEvent.keyDown(document.activeElement as Element, { key: "Escape" });
  expect(onClose).toHaveBeenCalledWith(true);
  expect(outside).not.toHaveBeenCalled();
  document.removeEventListener("keydown", outside);
});

test("opened by a finger, it leaves the focus, and a key of the terminal closes it", () => {
  const typed = vi.fn();
  render(<textarea aria-label="input" onKeyDown={typed} />);
  const input = screen.getByLabelText("input");
  input.focus();
  open({}, false, "touch");
  expect(document.activeElement).toBe(input);
  fireEvent.keyDown(input, { key: "Escape" });
  expect(typed).not.toHaveBeenCalled();
  fireEvent.keyDown(input, { key: "a" });
  expect(typed).toHaveBeenCalledOnce();
  expect(onClose.mock.calls).toEqual([[false], [false]]);
});

test("opened by a finger, it never focuses the terminal, which would open a touch keyboard", () => {
  open({}, false, "touch");
  fireEvent.click(item(/^Select all/));
  fireEvent(window, new Event("resize"));
  expect(onClose.mock.calls).toEqual([[false], [false]]);
  // A mouse came, and took the focus.
  item(/^Copy/).focus();
  fireEvent.click(item(/^Select all/));
  expect(onClose).toHaveBeenLastCalledWith(true);
});

test("the clipboard that refuses, or is absent, is named with the way around it", async () => {
  const said: string[] = [];
  const terminal = { getSelection: () => "text", clearSelection: vi.fn() };
  const opened = { terminal, paste: vi.fn() } as unknown as OpenTerminal;
  const { copySelection, paste } = clipboardOf(opened, false, (text) => said.push(text));
  vi.stubGlobal("navigator", { platform: "Linux" });
  document.execCommand = () => false;
  paste();
  await vi.waitFor(() => expect(said.at(-1)).toMatch(/Press Ctrl-Shift-V to paste$/));
  vi.stubGlobal("navigator", { platform: "MacIntel", clipboard: { readText: () => Promise.reject(new Error("no")) } });
  paste();
  await vi.waitFor(() => expect(said.at(-1)).toMatch(/Press Cmd-V to paste$/));
  copySelection();
  await vi.waitFor(() => expect(said.at(-1)).toMatch(/Hold Shift, press the right mouse button, and choose Copy$/));
  expect(terminal.clearSelection).not.toHaveBeenCalled();
  clipboardOf(opened, true, (text) => said.push(text)).paste();
  await vi.waitFor(() => expect(said.at(-1)).toMatch(/Allow the clipboard for this page in the browser's settings$/));
  expect(opened.paste).not.toHaveBeenCalled();
});
