// @vitest-environment jsdom
/**
 * The component around an emulator that only records: strict mode, leaving, and that it leaves nothing behind.
 */

import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { StrictMode, version } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type TermgateHandle, TermgateTerminal } from "../../src/index.ts";
import { Harness } from "../support/harness.ts";

const opened = vi.hoisted(() => ({ count: 0, disposed: 0 }));

vi.mock("../../src/xterm/open.ts", () => ({
  openTerminal: async () => {
    opened.count += 1;
    return {
      terminal: { options: {}, getSelection: () => "" },
      touch: { toggleControl() {}, press() {} },
      fit() {},
      setFontSize() {},
      dispose() {
        opened.disposed += 1;
      },
    };
  },
}));

/** Media queries that count who listens. */
let listeners = 0;

beforeEach(() => {
  opened.count = 0;
  opened.disposed = 0;
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

/** How many listen to the client, counted where they come and go. */
function counting(harness: Harness): () => number {
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

test("strict mode opens one emulator, and leaving takes everything away", async () => {
  const harness = new Harness();
  const count = counting(harness);
  const heard: Array<TermgateHandle | null> = [];
  const { unmount } = render(
    <StrictMode>
      <TermgateTerminal client={harness.client} onReady={(handle) => heard.push(handle)} />
    </StrictMode>,
  );
  await waitFor(() => expect(heard.length).toBeGreaterThan(0));
  expect(opened.count).toBe(1);
  expect(count()).toBeGreaterThan(0);
  expect(listeners).toBeGreaterThan(0);
  unmount();
  expect(opened.disposed).toBe(1);
  expect(count()).toBe(0);
  expect(listeners).toBe(0);
  expect(heard.at(-1)).toBeNull();
});

test("two on one page are two", async () => {
  const benches = [new Harness(), new Harness()];
  const { unmount } = render(
    <div>
      {benches.map(({ client }, at) => (
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

test("an emulator that comes after the page has gone is disposed of", async () => {
  const { unmount } = render(<TermgateTerminal client={new Harness().client} />);
  await act(() => Promise.resolve());
  unmount();
  await waitFor(() => expect(opened.disposed).toBe(opened.count));
});

test("another client gets another emulator", async () => {
  const { rerender } = render(<TermgateTerminal client={new Harness().client} />);
  await waitFor(() => expect(opened.count).toBe(1));
  rerender(<TermgateTerminal client={new Harness().client} />);
  await waitFor(() => expect(opened.count).toBe(2));
  expect(opened.disposed).toBe(1);
});
