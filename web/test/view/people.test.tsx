// @vitest-environment jsdom
/**
 * The people and the hand in the status line.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { INITIAL_STATE, type Person, type TerminalClient, type TerminalState } from "../../src/core/index.ts";
import { initials, People, summary } from "../../src/view/people.tsx";

afterEach(cleanup);

const ada: Person = { who: 1, name: "Ada", as: "owner", since: 1 };
const grace: Person = { who: 2, name: "Grace Hopper", as: "instructor", since: 2 };
const guest = (who: number): Person => ({ who, name: `Guest ${who}`, as: "guest", since: 3 });

function shown(fields: Partial<TerminalState>, raisesHand = true) {
  const client = { raiseHand: vi.fn(), seeHand: vi.fn(), remove: vi.fn() };
  const state = { ...INITIAL_STATE, status: "connected", ...fields } as const;
  render(<People client={client as unknown as TerminalClient} {...{ state, raisesHand }} focus={vi.fn()} />);
  return { client, buttons: screen.queryAllByRole("button").map(({ textContent }) => textContent) };
}

test("the owner raises and lowers a hand", () => {
  const { client } = shown({ who: 1, people: [ada] });
  fireEvent.click(screen.getByRole("button", { name: "Raise hand" }));
  expect(client.raiseHand).toHaveBeenCalledWith(true);
  cleanup();
  const raised = shown({ who: 1, people: [ada], hand: { up: true, at: 1, seen: "Grace" } });
  const lower = screen.getByRole("button", { name: "Hand seen: lower it" });
  expect(lower.title).toBe("Grace has seen it");
  fireEvent.click(lower);
  expect(raised.client.raiseHand).toHaveBeenCalledWith(false);
});

test("an instructor answers a hand once", () => {
  const { client } = shown({ who: 2, people: [ada, grace], hand: { up: true, at: 1 } });
  fireEvent.click(screen.getByRole("button", { name: /I see it/ }));
  expect(client.seeHand).toHaveBeenCalledOnce();
  cleanup();
  shown({ who: 2, people: [ada, grace], hand: { up: true, at: 1, seen: "Grace" } });
  expect(screen.getByRole("button", { name: "Hand raised, seen" })).toHaveProperty("disabled", true);
});

test("outside of a class nothing is offered, and a person alone sees no one", () => {
  expect(shown({ who: 1, people: [ada] }, false).buttons).toEqual([]);
});

test("initials stand for the others, and a list names all", () => {
  const people = [ada, grace, ...[3, 4, 5].map(guest)];
  const { buttons } = shown({ who: 1, people }, false);
  expect(buttons).toEqual(["GHG3G4+1Here too: Grace Hopper, 3 guests"]);
  fireEvent.click(screen.getByRole("button"));
  const list = screen.getByRole("note").textContent ?? "";
  expect(list).toMatch(/^Ada \(you\), owner since .*Grace Hopper, instructor since .*Guest 5, guest since/);
});

test("an instructor on a wall has a face of their own until they come", () => {
  const wall: Person = { who: 3, name: "Grace Hopper", as: "instructor", since: 2, via: "wall" };
  expect(shown({ who: 1, people: [ada, wall] }, false).buttons).toEqual(["GHHere too: Grace Hopper"]);
  fireEvent.click(screen.getByRole("button"));
  expect(screen.getByRole("note").textContent).toMatch(/Grace Hopper, instructor with a wall of the class since/);
  cleanup();
  expect(shown({ who: 1, people: [ada, grace, wall] }, false).buttons).toEqual(["GHHere too: Grace Hopper"]);
});

test("the owner and an instructor remove guests, with a second click", () => {
  const people = [ada, grace, guest(3), guest(4), { ...guest(5), link: 4 }];
  for (const who of [1, 2]) {
    const { client } = shown({ who, people }, false);
    fireEvent.click(screen.getByRole("button", { name: /Here too/ }));
    expect(screen.getAllByRole("button", { name: /^Remove/ })).toHaveLength(3);
    const button = screen.getByRole("button", { name: "Remove: Guest 5, closes this link (2 people)" });
    fireEvent.click(button);
    expect([client.remove.mock.calls, button.textContent]).toEqual([
      [],
      "Remove for good: closes this link (2 people)",
    ]);
    fireEvent.click(button);
    expect(client.remove.mock.calls).toEqual([[5]]);
    fireEvent.click(screen.getByRole("button", { name: "Remove: Guest 3, closes this link" }));
    cleanup();
  }
  shown({ who: 3, people }, false);
  fireEvent.click(screen.getByRole("button", { name: /Here too/ }));
  expect(screen.queryByRole("button", { name: /^Remove/ })).toBeNull();
});

test("a name is text", () => {
  const bad = '<img src="x">';
  shown({ who: 1, people: [ada, { ...grace, name: bad }] }, false);
  expect([document.querySelector("img"), summary([{ ...grace, name: bad }])]).toEqual([null, `Here too: ${bad}`]);
  expect([initials("grace murray hopper"), initials("😀x"), initials("")]).toEqual(["GH", "😀", ""]);
});
