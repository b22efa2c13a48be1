/**
 * Rendering on a server takes no clock, no random numbers and no window: Next.js rejects a page that does.
 */

import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { TermgateTerminal, useTerminalApiGateway } from "../../src/index.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function Page() {
  const { client } = useTerminalApiGateway({ url: "wss://api.example/prod", sessionId: "s1", getToken: () => "token" });
  return <TermgateTerminal client={client} touchKeys />;
}

test("the terminal renders without a clock, random numbers or a window", () => {
  expect(typeof window).toBe("undefined");
  const forbid = () => {
    throw new Error("not on a server");
  };
  vi.spyOn(crypto, "getRandomValues").mockImplementation(forbid);
  vi.spyOn(crypto, "randomUUID").mockImplementation(forbid);
  vi.spyOn(Math, "random").mockImplementation(forbid);
  vi.spyOn(Date, "now").mockImplementation(forbid);
  vi.stubGlobal("navigator", undefined);
  const html = renderToString(<Page />);
  vi.restoreAllMocks();
  expect(html).toContain("Connecting…");
});
