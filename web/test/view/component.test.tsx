// @vitest-environment jsdom
/**
 * The component with a fake emulator: strict mode and clean-up.
 */

import { act, cleanup, createEvent, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { StrictMode, version } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type TermgateHandle, TermgateTerminal } from "../../src/index.ts";
import type { TerminalHandlers } from "../../src/xterm/index.ts";
import { EPOCH, Harness } from "../support/harness.ts";

/** `openMenu` is that of the latest emulator, and `offers` the number of those that look for offers of files. */
const opened = vi.hoisted(() => ({ count: 0, disposed: 0, offers: 0, options: {}, openMenu() {} }));

vi.mock("../../src/xterm/open.ts", () => ({
  openTerminal: async (_element: unknown, _client: unknown, options: object, handlers: TerminalHandlers) => {
    opened.count += 1;
    opened.options = options;
    opened.openMenu = () => handlers.onMenu?.({ clientX: 1, clientY: 1 }, "mouse");
    const parser = {
      registerOscHandler() {
        opened.offers += 1;
        return { dispose() {} };
      },
    };
    return {
      terminal: { options: {}, getSelection: () => "", hasSelection: () => false, focus() {}, parser },
      touch: { toggleControl() {}, press() {} },
      fit() {},
      setFontSize() {},
      dispose() {
        opened.disposed += 1;
      },
    };
  },
}));

/** Number of listeners of media queries. */
let listeners = 0;

beforeEach(() => {
  opened.count = 0;
  opened.disposed = 0;
  opened.offers = 0;
  listeners = 0;
  vi.stubGlobal("matchMedia", (query: string) => ({
    matches: query.includes("dark"),
    addEventListener: () => {
      listeners += 1;
    },
    removeEventListener: () => {
      listeners -= 1;
    },
  }));
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Counts the listeners of a client. */
function countListeners(harness: Harness): () => number {
  let count = 0;
  for (const name of ["subscribe", "onMessage", "onError", "onNotice"] as const) {
    const real = harness.client[name].bind(harness.client) as (listener: never) => () => void;
    const counted = (listener: never) => {
      count += 1;
      const stop = real(listener);
      return () => {
        count -= 1;
        stop();
      };
    };
    Object.assign(harness.client, { [name]: counted });
  }
  return () => count;
}

test("opens one emulator in strict mode, and cleans up when unmounted", async () => {
  const harness = new Harness();
  const count = countListeners(harness);
  const handles: Array<TermgateHandle | null> = [];
  const { unmount } = render(
    <StrictMode>
      <TermgateTerminal client={harness.client} onReady={(handle) => handles.push(handle)} />
    </StrictMode>,
  );
  await waitFor(() => expect(handles.length).toBeGreaterThan(0));
  expect(opened.count).toBe(1);
  expect(count()).toBeGreaterThan(0);
  expect(listeners).toBeGreaterThan(0);
  unmount();
  expect(opened.disposed).toBe(1);
  expect(count()).toBe(0);
  expect(listeners).toBe(0);
  expect(handles.at(-1)).toBeNull();
});

test("supports two on one page", async () => {
  const harnesses = [new Harness(), new Harness()];
  const { unmount } = render(
    <div>
      {harnesses.map(({ client }, at) => (
        <TermgateTerminal key={client.clientId + String(at)} client={client} label={`Terminal ${at + 1}`} />
      ))}
    </div>,
  );
  await waitFor(() => expect(opened.count).toBe(2));
  expect(screen.getByLabelText("Terminal 2")).toBeDefined();
  // One style sheet for both; React 18 leaves each where it is.
  const sheets = [...document.querySelectorAll("style")].filter(({ textContent }) =>
    textContent?.includes(".tg-stage"),
  );
  expect(sheets).toHaveLength(version.startsWith("18.") ? 2 : 1);
  unmount();
  expect(opened.disposed).toBe(2);
});

test("has the page's class, controls, font and options of xterm.js", async () => {
  const { client } = new Harness();
  const terminal = (scrollback: number) => (
    <TermgateTerminal client={client} className="lab" fontFamily="Lab Mono" options={{ scrollback }}>
      <button type="button">Mine</button>
    </TermgateTerminal>
  );
  const { container, rerender } = render(terminal(5));
  await waitFor(() => expect(opened.count).toBe(1));
  expect(container.querySelector(".tg.lab")).not.toBeNull();
  expect(screen.getByRole("button", { name: "Mine" }).closest("footer")).not.toBeNull();
  expect(opened.options).toMatchObject({ fontFamily: "Lab Mono", scrollback: 5 });
  rerender(terminal(9));
  expect(opened.options).toMatchObject({ scrollback: 5 });
  expect(opened.count).toBe(1);
});

test("disposes an emulator that opens after the unmount", async () => {
  const { unmount } = render(<TermgateTerminal client={new Harness().client} />);
  await act(() => Promise.resolve());
  unmount();
  await waitFor(() => expect(opened.disposed).toBe(opened.count));
});

test("opens another emulator for another client", async () => {
  const { rerender } = render(<TermgateTerminal client={new Harness().client} />);
  await waitFor(() => expect(opened.count).toBe(1));
  rerender(<TermgateTerminal client={new Harness().client} />);
  await waitFor(() => expect(opened.count).toBe(2));
  expect(opened.disposed).toBe(1);
});

test("another session has no banner of the one before", async () => {
  const harness = new Harness().open();
  harness.attached();
  const { rerender } = render(<TermgateTerminal client={harness.client} />);
  act(() => harness.reconnect({ epoch: EPOCH + 1 }));
  expect(screen.getByRole("alert").textContent).toContain("The shell was restarted");
  rerender(<TermgateTerminal client={new Harness().client} />);
  expect(screen.queryByRole("alert")).toBeNull();
});

/** The menu of a page of a controller, and the requests after a drop, which opens no file in the page's place. */
async function menuAndDrop(files: boolean): Promise<{ items: (string | null)[]; requests: number }> {
  let requests = 0;
  vi.stubGlobal("XMLHttpRequest", function count() {
    requests += 1;
    throw new Error("the test has no service");
  });
  const harness = new Harness({ fallbackUrl: "https://service.example" }).open();
  harness.attached();
  const { container } = render(<TermgateTerminal client={harness.client} files={files} />);
  await waitFor(() => expect(opened.count).toBe(1));
  await act(async () => opened.openMenu());
  const items = screen.getAllByRole("menuitem", { hidden: true }).map((item) => item.firstChild?.textContent ?? null);
  const stage = container.querySelector(".tg-stage") as Element;
  const file = new File(["text"], "a.txt");
  // That of jsdom cannot be read.
  Object.assign(file, { slice: () => ({ arrayBuffer: async () => new TextEncoder().encode("text").buffer }) });
  const dataTransfer = { types: ["Files"], files: [file], items: [{ webkitGetAsEntry: () => null }], dropEffect: "" };
  const over = createEvent.dragOver(stage, { dataTransfer });
  fireEvent(stage, over);
  expect([over.defaultPrevented, dataTransfer.dropEffect]).toEqual([true, files ? "copy" : "none"]);
  expect(screen.queryByText(/^Drop files/) !== null).toBe(files);
  const drop = createEvent.drop(stage, { dataTransfer });
  fireEvent(stage, drop);
  expect(drop.defaultPrevented).toBe(true);
  expect(container.querySelector(".tg-files") !== null).toBe(files);
  if (files) await screen.findByText("Not done: the test has no service");
  return { items, requests };
}

const FILE_ITEMS = ["Upload files", "Download the selected file"];

test("has files in its menu, takes those that are dropped, and looks for offers", async () => {
  const { items, requests } = await menuAndDrop(true);
  expect(items).toEqual(expect.arrayContaining(FILE_ITEMS));
  expect(requests).toBe(1);
  expect(opened.offers).toBe(1);
});

test("with files turned off, it has none in its menu, and a drop does nothing and opens no file", async () => {
  const { items, requests } = await menuAndDrop(false);
  expect(items).toContain("Save as text file");
  for (const item of FILE_ITEMS) expect(items).not.toContain(item);
  expect(requests).toBe(0);
  expect(opened.offers).toBe(0);
});
