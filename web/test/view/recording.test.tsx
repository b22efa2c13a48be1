// @vitest-environment jsdom
/**
 * The sentences about the recording of a session.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { INITIAL_STATE, type Recording, type TerminalClient, type TerminalState } from "../../src/core/index.ts";
import { RecordingBadge, RecordingNote } from "../../src/view/recording.tsx";

afterEach(cleanup);

const ON: Recording = { state: "on", days: 30 };
const state = (recording: Recording | null, fields: Partial<TerminalState> = {}): TerminalState => ({
  ...INITIAL_STATE,
  status: "connected",
  recording,
  ...fields,
});

const client = {} as TerminalClient;
const another = {} as TerminalClient;

test("the sentence says what, for whom and for how long, until it is read", () => {
  const focus = vi.fn();
  const note = (shown: TerminalState, of = client) => (
    <RecordingNote client={of} state={shown} stays={false} focus={focus} />
  );
  const { rerender } = render(note(state({ ...ON, input: true })));
  const text = screen.getByRole("note").textContent;
  expect(text).toMatch(/is recorded: .* shows, and what is typed\. .* owner, the instructors .* operators .* 30 days/);
  fireEvent.click(screen.getByRole("button", { name: "OK" }));
  expect([screen.queryByRole("note"), focus.mock.calls.length]).toEqual([null, 1]);
  rerender(note(state({ ...ON, state: "off" })));
  expect(screen.getByRole("note").textContent).toMatch(/not being recorded now/);
  // It begins again.
  rerender(note(state({ ...ON, input: true })));
  expect(screen.getByRole("note").textContent).toBe(text);
  rerender(note(state({ ...ON, state: "off" })));
  fireEvent.click(screen.getByRole("button", { name: "OK" }));
  // Not what was read: without what is typed, and for longer.
  rerender(note(state({ ...ON, days: 90 })));
  expect(screen.getByRole("note").textContent).toMatch(/what the terminal shows\. .* 90 days/);
  fireEvent.click(screen.getByRole("button", { name: "OK" }));
  rerender(note(state(null)));
  expect(screen.queryByRole("note")).toBe(null);
  rerender(note(state({ ...ON, days: 90 })));
  expect(screen.queryByRole("note")).toBe(null);
  rerender(note(state({ ...ON, days: 90 }), another));
  expect(screen.getByRole("note").textContent).toMatch(/90 days/);
});

test("without a status line the sentence stays", () => {
  render(<RecordingNote client={client} state={state(ON)} stays focus={vi.fn()} />);
  expect([screen.getByRole("note").textContent, screen.queryByRole("button")]).toEqual([
    expect.stringContaining("what the terminal shows."),
    null,
  ]);
});

test("the word in the status line tells all, and is gone after the end", () => {
  const { rerender } = render(<RecordingBadge state={state(ON)} />);
  fireEvent.click(screen.getByRole("button", { name: "Recorded" }));
  expect(screen.getByRole("note").textContent).toContain("30 days");
  rerender(<RecordingBadge state={state({ ...ON, state: "off" })} />);
  expect(screen.getByRole("button").textContent).toBe("Not recorded");
  for (const over of [state(null), state(ON, { end: { reason: "exited", exitCode: 0 } })]) {
    rerender(<RecordingBadge state={over} />);
    expect(screen.queryByRole("button")).toBe(null);
  }
});
