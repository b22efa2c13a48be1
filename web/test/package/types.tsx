/**
 * The types of the published package: compiled, never run.
 */

import type { ReactElement } from "react";
import { type ClientErrorCode, isOver, type Status, type TerminalClient, type TerminalState } from "termgate-web";
import { TerminalClient as Core, TerminalError } from "termgate-web/core";
import { type TerminalApiGateway, useTerminalApiGateway } from "termgate-web/react";
import { TermgateAddon } from "termgate-web/xterm";

/** True if the types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

same<Status, "connecting" | "connected" | "reconnecting" | "offline" | "closed">(true);
same<TerminalApiGateway["state"], Status>(true);
same<TerminalApiGateway["terminal"], TerminalState>(true);
same<TerminalApiGateway["retryAt"], number | null>(true);
same<TerminalApiGateway["client"], TerminalClient>(true);
same<NonNullable<TerminalState["latency"]>["gatewayMs"], number | null>(true);
same<TerminalState["diagnostics"]["errorCode"], ClientErrorCode | null>(true);

export function Lab(props: { sessionId: string; token: string | undefined }): ReactElement {
  const { state, error, executeCommand, client, terminal } = useTerminalApiGateway(props);
  new TermgateAddon(client);
  if (isOver(terminal)) return <p>{terminal.end?.reason}</p>;
  return (
    <button type="button" onClick={async () => (await executeCommand("ls")).exitCode satisfies number}>
      {state} {error instanceof TerminalError ? error.code : ""}
    </button>
  );
}

export function All(): TerminalApiGateway {
  return useTerminalApiGateway({
    sessionId: "s",
    getToken: async () => "t",
    url: "wss://x/y",
    onMessage: (message) => message.type === "output" && message.bytes.length,
    onConnect: () => {},
    onDisconnect: () => {},
    onError: ({ code, retryable }) => [code satisfies ClientErrorCode, retryable satisfies boolean],
    onNotice: ({ text }) => text satisfies string,
    maxAttempts: 3,
    times: { pingMs: 1, connectMs: 2 },
  });
}

// @ts-expect-error no session
export const none = () => useTerminalApiGateway({ token: "t" });
// @ts-expect-error no such state
export const wrong = (state: Status) => state === "disconnected";
// @ts-expect-error an address is needed without React
export const addressless = () => new Core({ sessionId: "s", token: "t" });
