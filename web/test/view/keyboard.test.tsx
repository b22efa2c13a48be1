// @vitest-environment jsdom
/**
 * The right to type, in the status line.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import {
  type Control,
  INITIAL_STATE,
  type Person,
  type TerminalClient,
  type TerminalState,
} from "../../src/core/index.ts";
import { Keyboard } from "../../src/view/keyboard.tsx";
import { heldSentence } from "../../src/view/words.ts";

afterEach(cleanup);

const people: readonly Person[] = [
  { who: 1, name: "Ada", as: "owner", since: 1 },
  { who: 2, name: "<b>Grace</b>", as: "instructor", since: 2 },
];

function shown(who: number, control: Control, canAsk = false) {
  cleanup();
  const client = { ask: vi.fn(), allow: vi.fn(), takeBack: vi.fn(), giveBack: vi.fn(), onlyMe: vi.fn() };
  const state: TerminalState = { ...INITIAL_STATE, status: "connected", people, who, control, canAsk };
  const { container } = render(<Keyboard client={client as unknown as TerminalClient} state={state} focus={vi.fn()} />);
  const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
  const buttons = screen.queryAllByRole("button").map(({ textContent }) => textContent);
  return { client, press, buttons, says: container.querySelector(".tg-typing")?.textContent ?? "" };
}

test("a person who may ask asks, and takes the question back", () => {
  expect(shown(2, { state: "free" }).buttons).toEqual([]);
  const free = shown(2, { state: "free" }, true);
  free.press("Ask to type");
  expect(free.client.ask).toHaveBeenCalledOnce();
  const asked = shown(2, { state: "asked", who: 2 }, true);
  asked.press("Ask no longer");
  expect([asked.says, asked.client.giveBack.mock.calls.length]).toEqual(["You asked to type", 1]);
});

test("only the owner answers, with one press, and a name is text", () => {
  const asked = shown(1, { state: "asked", who: 2 });
  expect(asked.says).toBe("<b>Grace</b> asks to type");
  asked.press("Allow for now");
  asked.press("Until taken back");
  asked.press("No");
  expect(asked.client.allow.mock.calls).toEqual([
    [2, "now"],
    [2, "kept"],
  ]);
  expect(asked.client.takeBack).toHaveBeenCalledOnce();
  expect(shown(3, { state: "asked", who: 2 }).buttons).toEqual([]);
});

test("everyone sees who types, and either side ends it", () => {
  const owner = shown(1, { state: "lent", who: 2, loan: 1 });
  owner.press("Take back");
  expect([owner.says, owner.client.takeBack.mock.calls.length]).toEqual(["<b>Grace</b> types in this terminal too", 1]);
  const borrower = shown(2, { state: "lent", who: 2, loan: 1 }, true);
  borrower.press("Stop typing");
  expect([borrower.says, borrower.client.giveBack.mock.calls.length]).toEqual(["You type in this terminal too", 1]);
  const guest = shown(3, { state: "lent", who: 2, loan: 1 });
  expect([guest.says, guest.buttons]).toEqual(["<b>Grace</b> types in this terminal too", []]);
});

test("held keys are explained", () => {
  const owner = shown(1, { state: "only" });
  owner.press("Let others type");
  expect([owner.says, owner.client.onlyMe.mock.calls]).toEqual(["Only you type in this terminal", [[false]]]);
  const guest = shown(3, { state: "only" });
  expect([guest.says, guest.buttons]).toEqual(["Only its owner types in this terminal", []]);
  expect(heldSentence({ ...INITIAL_STATE, control: { state: "only" } })).toMatch(/your keys are held back/);
});
