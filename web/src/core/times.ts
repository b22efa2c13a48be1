/**
 * The times that are a matter of the platform and not of the protocol, in one place, so that a test can live two hours in
 * seconds.
 */

/** In ms. */
export interface Times {
  /** A sign of life is asked for this often: API Gateway closes after 10 min of silence, other hosts after about one. */
  pingMs: number;
  /** No frame at all for this long after a ping: the connection is dead. */
  pongMs: number;
  /** A connection on which no shell has answered for this long is given up. */
  connectMs: number;
  /** A connection is replaced at some age between these two: API Gateway closes it at 2 h. */
  handoverMs: readonly [from: number, to: number];
  /** A page that nobody looks at for this long asks for nothing any more until somebody does. */
  hiddenMs: number;
}

const MINUTE_MS = 60_000;

export const TIMES: Times = {
  pingMs: MINUTE_MS / 2,
  pongMs: MINUTE_MS / 4,
  connectMs: MINUTE_MS / 3,
  handoverMs: [105 * MINUTE_MS, 115 * MINUTE_MS],
  hiddenMs: 10 * MINUTE_MS,
};
