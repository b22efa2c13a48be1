/**
 * Times that depend on the platform and not on the protocol, so that a test can live through two hours in seconds.
 */

/** In ms. */
export interface Times {
  /** Ping interval: API Gateway closes a connection after 10 min of silence, other hosts after about one. */
  pingMs: number;
  /** A connection without any frame for this long after a ping is dead. */
  pongMs: number;
  /** The same while the answer may wait for a run that carries frames, which lasts up to 25 s. */
  carryingPongMs: number;
  /** Time from opening a connection to the answer to the attach. */
  connectMs: number;
  /** Age at which a connection is replaced, at random between these two: API Gateway closes it at 2 h. */
  handoverMs: readonly [from: number, to: number];
  /** Time until a WebSocket is tried again while HTTP is in use; doubles up to 32 times as much. */
  probeMs: number;
  /** A page that is hidden for this long suspends its connection until it is shown. */
  hiddenMs: number;
}

const MINUTE_MS = 60_000;

export const TIMES: Times = {
  pingMs: MINUTE_MS / 2,
  pongMs: MINUTE_MS / 4,
  carryingPongMs: 35_000,
  connectMs: MINUTE_MS / 3,
  handoverMs: [105 * MINUTE_MS, 115 * MINUTE_MS],
  probeMs: MINUTE_MS,
  hiddenMs: 10 * MINUTE_MS,
};
