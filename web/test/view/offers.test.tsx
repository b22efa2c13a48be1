// @vitest-environment jsdom
/**
 * Messages to the class and offered lines, as the person at the terminal sees them.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { INITIAL_STATE, type TerminalClient, type TerminalState } from "../../src/core/index.ts";
import { OfferedCommand } from "../../src/index.ts";
import { isMeant, Offers } from "../../src/view/offers.tsx";
import { checkOffer } from "../../src/view/typable.ts";

afterEach(cleanup);

const HOSTILE = "<img src=x onerror=alert(1)>\nnext";
const connected: TerminalState = { ...INITIAL_STATE, status: "connected" };

function shown(fields: Partial<TerminalState>, lines: string[] = []) {
  const client = { typeLine: vi.fn(() => true), dismiss: vi.fn(), onMessage: () => () => {} };
  const given = { onDone: vi.fn(), say: vi.fn(), focus: vi.fn() };
  const offers = lines.map((line, id) => ({ id, line }));
  const state = { ...connected, ...fields };
  const { container } = render(
    <Offers client={client as unknown as TerminalClient} {...{ state, offers }} {...given} />,
  );
  return { client, container, ...given };
}

test("a message is text, and its line is whole", () => {
  const announcement = { id: "a-1", from: "<b>Grace</b>", text: HOSTILE, line: "ls -la  ~/lab", at: 1 };
  const { client, container } = shown({ announcements: [announcement] });
  expect(container.querySelector("img")).toBeNull();
  expect(screen.getByRole("article").textContent).toContain(HOSTILE);
  expect(screen.getByRole("article").textContent).toContain("<b>Grace</b> to everyone, ");
  expect(container.querySelector("code")?.textContent).toBe("ls -la  ~/lab");
  fireEvent.click(screen.getByRole("button", { name: "Dismiss the message" }));
  expect(client.dismiss).toHaveBeenCalledWith("a-1");
});

test("the latest is first, and who may not type can only copy", () => {
  const { container } = shown({ role: "viewer" }, ["one", "two"]);
  expect([...container.querySelectorAll("code")].map(({ textContent }) => textContent)).toEqual(["two", "one"]);
  const disabled = screen
    .getAllByRole("button", { name: "Type it" })
    .map((button) => (button as HTMLButtonElement).disabled);
  expect(disabled).toEqual([true, true]);
  expect(screen.getAllByRole("button", { name: "Copy" })).toHaveLength(2);
});

test("a script's click types nothing, and neither does one that was meant for what was there before", () => {
  const { client } = shown({}, ["ls"]);
  fireEvent.click(screen.getByRole("button", { name: "Type it" }));
  expect(client.typeLine).not.toHaveBeenCalled();
  expect(isMeant({ isTrusted: false }, 0, 10_000)).toBe(false);
  expect(isMeant({ isTrusted: true }, 9_501, 10_000)).toBe(false);
  expect(isMeant({ isTrusted: true }, 9_500, 10_000)).toBe(true);
});

test("a line is offered only as it is seen", () => {
  for (const line of ["ls -la ~/données | grep '漢字' # 🙂", " x", "x".repeat(1024)]) {
    expect(() => checkOffer(line), line).not.toThrow();
  }
  const hidden = [..."\n\r\t\x1b\x7f\x9b\u00a0\u200b\u202e\u2066\u2800\u3000\ufeff\ufe0f\u2028"];
  for (const line of ["", "  ", "é".repeat(513), ...hidden.map((character) => `ls${character}`)]) {
    expect(() => checkOffer(line), JSON.stringify(line)).toThrow(TypeError);
  }
});

test("a lesson shows a command with both buttons", () => {
  const client = { state: connected, subscribe: () => () => {}, onMessage: () => () => {}, typeLine: vi.fn() };
  render(<OfferedCommand client={client as unknown as TerminalClient} line="make test" />);
  expect(screen.getByText("make test").tagName).toBe("CODE");
  expect(screen.getAllByRole("button").map(({ textContent }) => textContent)).toEqual(["Type it", "Copy"]);
  expect(() => render(<OfferedCommand client={client as unknown as TerminalClient} line={"ls\n"} />)).toThrow(
    TypeError,
  );
});
