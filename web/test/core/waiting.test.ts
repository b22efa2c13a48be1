/**
 * A page that may only watch, opened before the one that starts the session.
 */

import { describe, expect, test } from "vitest";
import { Harness } from "../support/harness.ts";
import { jwt } from "../support/jwt.ts";

const refusal = (code: string) => ({ type: "error", code, message: "not yet", retryable: false });

/** Connected with a token of this role; the service refuses each attach with `code`. */
function refused(role: string, code: string): Harness {
  const harness = new Harness({ token: jwt({ role, exp: 4_000_000_000 }), random: () => 1 });
  harness.client.attach(harness.sink);
  harness.open();
  harness.socket.receive(refusal(code));
  return harness;
}

describe("a viewer who comes before the session", () => {
  test.each([
    ["viewer", "SESSION_NOT_FOUND"],
    ["viewer", "READ_ONLY"],
    ["instructor", "SESSION_NOT_FOUND"],
    ["instructor", "READ_ONLY"],
  ])("waits as %s after %s, and sees it once it has started", (role, code) => {
    const harness = refused(role, code);
    expect(harness.client.state).toMatchObject({ status: "connecting", role: "viewer" });
    expect(harness.client.state.error).toMatchObject({ code: "SESSION_NOT_STARTED", retryable: true });
    harness.clock.advance(1000);
    expect(harness.socket.of("attach")).toHaveLength(2);
    harness.attached({ role: "viewer" });
    harness.output(0, "hello");
    expect(harness.sink.text).toBe("hello");
    expect(harness.client.state).toMatchObject({ status: "connected", error: null });
    expect(harness.sockets).toHaveLength(1);
  });

  test("asks after 1, 2, 4, 8 and then every 10 s, for hours, and reports it once", () => {
    const harness = refused("viewer", "SESSION_NOT_FOUND");
    const times: number[] = [];
    harness.socket.onsend = () => {
      times.push(harness.clock.now());
      harness.socket.receive(refusal("SESSION_NOT_FOUND"));
    };
    harness.clock.advance(3_600_000);
    const delays = times.map((time, at) => time - (times[at - 1] ?? 0));
    expect(delays.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(times.length).toBeLessThan(365);
    expect(harness.errorCodes).toEqual(["SESSION_NOT_STARTED"]);
    expect(harness.sockets).toHaveLength(1);
  });

  test("goes on waiting on another connection", () => {
    const harness = refused("viewer", "SESSION_NOT_FOUND");
    for (let lost = 0; lost < 10; lost += 1) {
      harness.clock.advance(20_000);
      harness.socket.end(1001);
      harness.reopen();
      harness.socket.receive(refusal("SESSION_NOT_FOUND"));
      expect(harness.client.state).toMatchObject({ status: "connecting", error: { code: "SESSION_NOT_STARTED" } });
    }
    harness.clock.advance(1000);
    harness.attached({ role: "viewer" });
    expect(harness.client.state.status).toBe("connected");
  });

  test("asks at once when the page is shown again", () => {
    const harness = refused("viewer", "SESSION_NOT_FOUND");
    harness.page.show();
    expect(harness.socket.of("attach")).toHaveLength(2);
  });

  test("notices a connection that dies meanwhile", () => {
    const harness = refused("viewer", "SESSION_NOT_FOUND");
    const { socket } = harness;
    harness.clock.advance(37_000);
    expect(socket.closed).toBe(true);
    harness.reattach({ role: "viewer" });
    expect(harness.client.state.status).toBe("connected");
  });

  test("waits too when a watched session is gone", () => {
    const harness = new Harness({ token: jwt({ role: "viewer" }) }).attach({ role: "viewer" });
    harness.socket.receive(refusal("SESSION_NOT_FOUND"));
    harness.socket.receive(refusal("SESSION_NOT_FOUND"));
    expect(harness.client.state).toMatchObject({ status: "reconnecting", error: { code: "SESSION_NOT_STARTED" } });
    harness.clock.advance(1000);
    harness.attached({ role: "viewer", epoch: 2000 });
    expect(harness.client.state.status).toBe("connected");
  });

  test("leaves nothing behind when it stops waiting", () => {
    const harness = refused("viewer", "SESSION_NOT_FOUND");
    harness.client.disconnect();
    expect(harness.clock.pending).toBe(0);
  });
});

test.each(["SESSION_ENDED", "UNAUTHORIZED", "FORBIDDEN", "LIMIT_REACHED"])("%s stops a viewer too", (code) => {
  expect(refused("viewer", code).client.state).toMatchObject({ status: "closed", error: { code } });
});

test.each(["controller", undefined])("a token with the role %s does not wait for a session of another user", (role) => {
  const harness = refused(role as string, "SESSION_NOT_FOUND");
  expect(harness.client.state).toMatchObject({ status: "closed", error: { code: "SESSION_NOT_FOUND" } });
});
