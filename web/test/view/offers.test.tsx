// @vitest-environment jsdom
/**
 * Messages to the class and offered lines, as the person at the terminal sees them.
 */

import { act, cleanup, fireEvent, render, renderHook, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import {
  INITIAL_STATE,
  type TerminalClient,
  type TerminalMessage,
  type TerminalNotice,
  type TerminalState,
  type TypedLine,
} from "../../src/core/index.ts";
import { OfferedCommand } from "../../src/index.ts";
import { isMeant, Offers, useSince } from "../../src/view/offers.tsx";
import { checkOffer } from "../../src/view/typable.ts";
import { MAX_OFFERS, useOffers } from "../../src/view/use-offers.ts";

afterEach(cleanup);

const HOSTILE = "<img src=x onerror=alert(1)>\nnext";
const connected: TerminalState = { ...INITIAL_STATE, status: "connected" };

function shown(fields: Partial<TerminalState>, lines: string[] = []) {
  const client = { typeLine: vi.fn(() => ({ seq: 1 })), dismiss: vi.fn() };
  const given = { say: vi.fn(), focus: vi.fn() };
  const offers = lines.map((line, id) => ({ id, line }));
  const list = { offers, offer: vi.fn(), takeBack: vi.fn(), onTyped: vi.fn(), isTyped: () => false };
  const state = { ...connected, ...fields };
  const { container } = render(<Offers client={client as unknown as TerminalClient} {...{ state, list }} {...given} />);
  return { client, container, list, ...given };
}

/** The offers of a client, whose service answers by `receive`. */
function offersOf() {
  const makeClient = () => {
    const listeners = { message: new Set<(message: TerminalMessage) => void>(), notice: new Set<() => void>() };
    const client = {
      onMessage(listener: (message: TerminalMessage) => void) {
        listeners.message.add(listener);
        return () => listeners.message.delete(listener);
      },
      onNotice(listener: (notice: TerminalNotice) => void) {
        const restarted = () => listener({ kind: "restarted", reason: undefined, text: "" });
        listeners.notice.add(restarted);
        return () => listeners.notice.delete(restarted);
      },
    };
    return { client: client as unknown as TerminalClient, listeners };
  };
  const first = makeClient();
  const { result, rerender } = renderHook(({ client }) => useOffers(client), {
    initialProps: { client: first.client },
  });
  return {
    offer: (line: string) => act(() => result.current.offer(line)),
    type: (id: number | string, line: TypedLine) => act(() => result.current.onTyped(id, line)),
    refuse: (seq: number | undefined, code = "BUSY") =>
      act(() => {
        const error = { type: "error", code, message: "no", retryable: true, ...(seq !== undefined && { seq }) };
        for (const listener of first.listeners.message) listener(error as TerminalMessage);
      }),
    restart: () =>
      act(() => {
        for (const tell of first.listeners.notice) tell();
      }),
    change: () => rerender({ client: makeClient().client }),
    typed: (id: number | string) => result.current.isTyped(id),
    open: () => result.current.offers.filter(({ id }) => !result.current.isTyped(id)).map(({ line }) => line),
  };
}

test("a refused line comes back for every reason, and no other one", () => {
  const { offer, type, refuse, open, typed } = offersOf();
  for (const line of ["one", "two", "three"]) offer(line);
  type(1, { seq: 4 });
  type("a-1", { seq: 5 });
  type(2, { seq: 6 });
  expect([open(), typed("a-1")]).toEqual([["three"], true]);
  refuse(undefined, "DRAINING");
  refuse(7);
  expect([open(), typed("a-1")]).toEqual([["three"], true]);
  refuse(4, "READ_ONLY");
  expect([open(), typed("a-1")]).toEqual([["one", "three"], true]);
  refuse(5, "NO_PROMPT_MARKS");
  expect([open(), typed("a-1")]).toEqual([["one", "three"], false]);
});

test("a line that waits for its number comes back too, and each one after the loss of the shell", () => {
  const { offer, type, refuse, restart, open } = offersOf();
  offer("one");
  offer("two");
  const later: { seq?: number } = {};
  type(1, later);
  type(2, { seq: 9 });
  later.seq = 8;
  refuse(8);
  expect(open()).toEqual(["one"]);
  restart();
  expect(open()).toEqual(["one", "two"]);
  type(1, { seq: 1 });
  refuse(9);
  expect(open()).toEqual(["two"]);
});

test("a lesson's offers are few: one that was typed goes first, and the same line is offered once", () => {
  const { offer, type, open } = offersOf();
  const lines = Array.from({ length: MAX_OFFERS }, (_, at) => `line ${at}`);
  for (const line of lines) offer(line);
  type(MAX_OFFERS, { seq: 1 });
  offer("next");
  expect(open()).toEqual([...lines.slice(0, -1), "next"]);
  offer("line 1");
  expect(open()).toEqual(["line 0", "line 2", "next", "line 1"]);
  offer("one more");
  expect(open()).toEqual(["line 2", "next", "line 1", "one more"]);
});

test("another session has none of the offers before", () => {
  const { offer, type, change, open, typed } = offersOf();
  offer("one");
  type("a-1", { seq: 1 });
  change();
  expect([open(), typed("a-1")]).toEqual([[], false]);
  offer("two");
  expect(open()).toEqual(["two"]);
});

test("each line waits anew before it is meant", () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(1000);
  const { result, rerender } = renderHook(({ line }) => useSince(line), { initialProps: { line: "ls" } });
  clock.mockReturnValue(2000);
  rerender({ line: "ls" });
  expect(result.current()).toBe(1000);
  rerender({ line: "rm -r build" });
  expect(result.current()).toBe(2000);
  clock.mockRestore();
});

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

test("a lesson shows a command with both buttons", async () => {
  document.execCommand = () => false;
  const client = { state: connected, subscribe: () => () => {}, onMessage: () => () => {}, typeLine: vi.fn() };
  const command = (line: string) => <OfferedCommand client={client as unknown as TerminalClient} line={line} />;
  const { rerender } = render(command("make test"));
  expect(screen.getByText("make test").tagName).toBe("CODE");
  expect(screen.getAllByRole("button").map(({ textContent }) => textContent)).toEqual(["Type it", "Copy"]);
  fireEvent.click(screen.getByRole("button", { name: "Copy" }));
  await vi.waitFor(() => expect(screen.getByRole("status").textContent).not.toBe(""));
  // That was said about the other line.
  rerender(command("make clean"));
  expect(screen.getByRole("status").textContent).toBe("");
  expect(() => render(command("ls\n"))).toThrow(TypeError);
});
