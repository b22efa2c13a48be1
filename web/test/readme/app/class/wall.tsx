/**
 * The README's example of an instructor's wall.
 */

"use client";

import "@xterm/xterm/css/xterm.css";
import { TermgateWall } from "termgate-web";

async function fetchToken(lab: string): Promise<string> {
  const answer = await fetch(`/api/instructor-token?lab=${encodeURIComponent(lab)}`);
  if (!answer.ok) throw new Error(`No token: ${answer.status}`);
  return (await answer.json()).token;
}

export function ClassWall({ lab }: { lab: string }) {
  return (
    <div style={{ height: "100vh" }}>
      <TermgateWall url={process.env.NEXT_PUBLIC_WS_URL ?? ""} token={() => fetchToken(lab)} label={`Class ${lab}`} />
    </div>
  );
}
