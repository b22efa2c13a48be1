/**
 * The WebSocket as the client sees it. Tests pass their own.
 */

/** The part of a browser's WebSocket that the client uses. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  /** `OPEN` while messages can be sent; closing may start before `onclose`. If absent, open until `onclose`. */
  readonly readyState?: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** `readyState` of an open socket. */
export const OPEN = 1;

export type SocketFactory = (url: string, protocols: string[]) => Socket;

/** The browser's WebSocket. */
export const browserSocket: SocketFactory = (url, protocols) => new WebSocket(url, protocols) as Socket;
