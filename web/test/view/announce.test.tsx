// @vitest-environment jsdom
/**
 * The form for a message to the class: what is refused before it is sent, and what its answer says.
 */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { NoAnswerError, type WallClient } from "../../src/core/index.ts";
import { announcementProblem } from "../../src/view/typable.ts";
import { Announce } from "../../src/view/wall/announce.tsx";

afterEach(cleanup);

function shown(announce = vi.fn(async () => ({ reached: 28, missed: 2 }))) {
  render(<Announce client={{ announce } as unknown as WallClient} onClose={vi.fn()} />);
  const fill = (text: string, line = "") => {
    fireEvent.change(screen.getByRole("textbox", { name: "Message to everyone" }), { target: { value: text } });
    fireEvent.change(screen.getByLabelText(/^Command to offer/), { target: { value: line } });
    fireEvent.click(screen.getByRole("button", { name: "Send" }));
  };
  const says = (words: string) => vi.waitFor(() => expect(screen.getByRole("status").textContent).toBe(words));
  return { announce, fill, says };
}

test("a message that was copied with tabs is sent with spaces", async () => {
  const { announce, fill, says } = shown();
  fill("for x in:\n\tprint(x)", "ls");
  await says("28 terminals show it, 2 cannot");
  expect(announce).toHaveBeenCalledWith("for x in:\n    print(x)", "ls");
});

test("the service refuses nothing that the form lets through", () => {
  for (const text of ["a", "é\n漢字 🙂", "x".repeat(1024)]) expect(announcementProblem(text, ""), text).toBe("");
  const unseen = [..."\0\t\r\x1b\x7f\x85\x9b\u202a\u202e\u2066\u2069"].map((sign) => `a${sign}b`);
  for (const text of [...unseen, "", " \n ", "é".repeat(513)]) {
    expect(announcementProblem(text, ""), JSON.stringify(text)).toMatch(/^The message /);
  }
  expect(announcementProblem("a", "ls\t")).toMatch(/^The command must be one line of at most 1024 bytes/);
});

test("a message that was refused is not sent, and one without an answer perhaps", async () => {
  const { announce, fill, says } = shown();
  announce.mockRejectedValueOnce(new Error("only an instructor"));
  fill("Five minutes left.");
  await says("Not sent: only an instructor");
  announce.mockRejectedValueOnce(new NoAnswerError("The service did not answer."));
  fill("Five minutes left.");
  await says("Perhaps not sent: send it again");
  // Both texts are still there.
  fireEvent.click(screen.getByRole("button", { name: "Send" }));
  await says("28 terminals show it, 2 cannot");
  expect(announce.mock.calls).toEqual(Array(3).fill(["Five minutes left.", ""]));
});
