// @vitest-environment jsdom
/**
 * The component with a fake emulator: strict mode and clean-up.
 */

import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { StrictMode, version } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type TermgateHandle, TermgateTerminal } from "../../src/index.ts";
import { EPOCH, Harness } from "../support/harness.ts";

const opened = vi.hoisted(() => ({ count: 0, disposed: 0 }));

vi.mock("../../src/xterm/open.ts", () => ({
  openTerminal: async () => {
    opened.count += 1;
    return {
      terminal: { options: {}, getSelection: () => "", parser: { registerOscHandler: () => ({ dispose() {} }) } },
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
