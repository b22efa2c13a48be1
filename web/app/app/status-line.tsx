/**
 * One line that says how the terminal is: state, what went wrong and what to do, size, latency.
 */

"use client";

import { type EndReason, isOver, type Status, type TerminalState } from "../../src/index.ts";

const STATES: Record<Status, string> = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  closed: "Closed",
};

const REASONS: Record<EndReason, string> = {
  exited: "the shell exited",
  closed: "it was closed",
  detached: "nobody was attached",
  idle: "it was idle",
  max_life: "it reached its longest life",
  token_expired: "its token expired",
  server_restart: "the service is being replaced",
  owner_lost: "its server was lost",
  start_failed: "the shell could not be started",
  revoked: "an operator ended it",
  limits: "it used more than a session may",
};

interface StatusLineProps {
  state: TerminalState;
  notice: string;
  sessionId: string;
  onReconnect: () => void;
}

export function StatusLine({ state, notice, sessionId, onReconnect }: StatusLineProps) {
  const { status, latency, size, role } = state;
  const over = isOver(state);
  return (
    <footer className="status" data-status={status}>
      <span className="dot" aria-hidden="true" />
      <span role="status">{over ? "Session ended" : STATES[status]}</span>
      <span className="detail">{detail(state) || notice}</span>
      {(status === "offline" || (status === "closed" && !over)) && (
        <button type="button" onClick={onReconnect}>
          Reconnect
        </button>
      )}
      {over && <a href="?">New session</a>}
      <span className="spring" />
      {role === "viewer" && <span>watching</span>}
      <span title="Session">{sessionId}</span>
      {size && (
        <span title="Columns × rows">
          {size.cols}×{size.rows}
        </span>
      )}
      <span className="latency" title="There and back, browser to shell service">
        {latency === null ? "– ms" : `${Math.round(latency.totalMs)} ms`}
      </span>
    </footer>
  );
}

function detail({ status, attempt, error, end, closing }: TerminalState): string {
  if (end) return `${REASONS[end.reason]}${end.reason === "exited" ? ` with ${end.exitCode}` : ""}`;
  // Usually it is back before anybody has read why it was gone.
  if (status === "reconnecting" && attempt <= 1) return "";
  if (error) return attempt > 1 ? `${error.message} (attempt ${attempt})` : error.message;
  if (closing && status === "connected") {
    return `ends at ${new Date(closing.at).toLocaleTimeString()}: ${REASONS[closing.reason]}`;
  }
  return "";
}
