// @vitest-environment jsdom
/**
 * The form that hands a file to the class.
 */

import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { HandOut } from "../../src/view/wall/hand-out.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const TOKEN = `x.${btoa(JSON.stringify({ grp: "class 7", role: "instructor" }))}.y`;

function shown(answer: Response) {
  const asked = vi.fn(async (_address: string, _options: RequestInit) => answer);
  vi.stubGlobal("fetch", asked);
  render(<HandOut service="https://service.example" token={async () => TOKEN} onClose={vi.fn()} />);
  const hand = (file?: File) => {
    if (file) fireEvent.change(screen.getByLabelText(/^A file for/), { target: { files: [file] } });
    fireEvent.click(screen.getByRole("button", { name: "Hand out" }));
  };
  const says = (words: string) => waitFor(() => expect(screen.getByRole("status").textContent).toBe(words));
  return { asked, hand, says };
}

test("a file goes to the class of the token, and the answer says who has it", async () => {
  const { asked, hand, says } = shown(new Response(JSON.stringify({ reached: 28, missed: 1 })));
  hand();
  await says("Choose a file first");
  expect(asked).not.toHaveBeenCalled();
  const file = new File(["text"], "a b.pdf");
  hand(file);
  await says("28 students have it, 1 has not");
  const [address, options] = asked.mock.calls[0] ?? [];
  expect(address).toBe("https://service.example/api/groups/class%207/files?name=a%20b.pdf");
  expect(options).toMatchObject({ method: "POST", body: file, headers: { authorization: `Bearer ${TOKEN}` } });
});

test("a refusal is shown, and a file that is too large is not sent", async () => {
  const { asked, hand, says } = shown(new Response('{"error":"try again"}', { status: 429 }));
  const large = new File([], "large");
  Object.defineProperty(large, "size", { value: 8 * 1024 * 1024 + 1 });
  hand(large);
  await says("Not handed out: it is larger than 8 MB");
  expect(asked).not.toHaveBeenCalled();
  hand(new File(["x"], "a"));
  await says("Not handed out: try again");
});
