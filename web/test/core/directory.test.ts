/**
 * The shell's directory: from the attach and from events, and asked for again with each attach.
 */

import { expect } from "vitest";
import { Harness, test } from "../support/harness.ts";

test("the directory follows the shell", ({ harness }) => {
  const { client } = harness;
  expect(client.state.directory).toBeNull();
  harness.event(0, { kind: "directory", directory: "/srv/lab" });
  expect(client.state.directory).toBe("/srv/lab");
  harness.event(1, { kind: "directory" });
  expect(client.state.directory).toBeNull();
  harness.reconnect({ pos: 2, directory: "/srv" });
  expect(client.state.directory).toBe("/srv");
});

test("history that is replayed does not lead back", ({ harness }) => {
  harness.reconnect({ directory: "/now", head: 2 });
  harness.event(0, { kind: "directory", directory: "/before" });
  expect(harness.client.state.directory).toBe("/now");
});

test("a shell that this page starts is asked to start there, and one that replaces it where that was", () => {
  const harness = new Harness({ directory: "/srv/lab" }).start();
  harness.answer();
  expect(harness.socket.of("attach")).toMatchObject([{ directory: "/srv/lab" }]);
  harness.event(0, { kind: "directory", directory: "/srv/lab/src" });
  harness.reconnect();
  expect(harness.socket.of("attach")).toMatchObject([{ directory: "/srv/lab/src" }]);
});

test("without one, nothing is asked for", ({ harness }) => {
  expect(harness.socket.of("attach")[0]).not.toHaveProperty("directory");
});
