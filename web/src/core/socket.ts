/**
 * The WebSocket as the client sees it: four events and two calls. Tests hand in their own.
 */

/** What the client needs of a WebSocket; the browser's fits. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  /** 1 while it is open. It may have begun to close some time before `onclose`. Absent: as the events say. */
  readonly readyState?: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** What `readyState` is then. */
export const OPEN = 1;

/** Opens one. */
export type SocketFactory = (url: string, protocols: string[]) => Socket;

/** The browser's own. */
export const browserSocket: SocketFactory = (url, protocols) => new WebSocket(url, protocols) as Socket;
