/**
 * A WebSocket whose other end is the test.
 */

import type { Socket } from "../../src/core/index.ts";
import type { ClientMessage } from "../../src/protocol/generated.ts";

export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  /** The sent messages as text, to check their length. */
  readonly texts: string[] = [];
  closed = false;
  readyState?: number;
  /** Called for each message. */
  onsend: ((message: ClientMessage) => void) | undefined;
  /** Called when the client closes the socket. */
  onclosed: (() => void) | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  get sent(): ClientMessage[] {
    return this.texts.map((text) => JSON.parse(text) as ClientMessage);
  }

  /** Sent messages of one type. */
  of<T extends ClientMessage["type"]>(type: T): Array<Extract<ClientMessage, { type: T }>> {
    return this.sent.filter((message) => message.type === type) as Array<Extract<ClientMessage, { type: T }>>;
  }

  send(text: string): void {
    this.texts.push(text);
    this.onsend?.(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    this.closed = true;
    this.onclosed?.();
  }

  receive(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  end(code = 1006, reason = ""): void {
    this.closed = true;
    this.onclose?.({ code, reason });
  }
}
