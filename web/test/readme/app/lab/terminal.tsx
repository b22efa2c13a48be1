/**
 * The README's example of a terminal in a page.
 */

"use client";

import "@xterm/xterm/css/xterm.css";
import { TermgateTerminal, useTerminalApiGateway } from "termgate-web";

async function fetchToken(lab: string): Promise<string> {
  const answer = await fetch(`/api/terminal-token?lab=${encodeURIComponent(lab)}`);
  if (!answer.ok) throw new Error(`No token: ${answer.status}`);
  return (await answer.json()).token;
}

export function LabTerminal({ lab, user }: { lab: string; user: string }) {
  const { client, isConnected, error, executeCommand } = useTerminalApiGateway({
    sessionId: `${lab}-${user}`,
    getToken: () => fetchToken(lab),
  });
  const check = async () => {
    const { exitCode } = await executeCommand("test -f ~/flag");
    alert(exitCode === 0 ? "Solved" : "Not yet");
  };
  return (
    <>
      <div style={{ height: 480 }}>
        <TermgateTerminal client={client} />
      </div>
      <button type="button" disabled={!isConnected} onClick={check}>
        Check
      </button>
      {error && <p role="alert">{error.message}</p>}
    </>
  );
}
