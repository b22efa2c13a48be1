/**
 * The service's end of HTTP connections, as far as one test drives it: a list of requests that wait for their answers.
 */

import type { Fetch } from "../../src/core/http-socket.ts";
import { flushPromises } from "./flush-promises.ts";

/** One request and the ways to answer it. */
export class FakeRequest {
  answered = false;
  #settle: ((answer: Response) => void) | undefined;
  #fail: ((error: unknown) => void) | undefined;
  readonly response: Promise<Response>;

  constructor(
    readonly path: string,
    readonly headers: Record<string, string>,
    readonly body: string,
    readonly keepalive: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.response = new Promise((settle, fail) => {
      this.#settle = settle;
      this.#fail = fail;
    });
    signal?.addEventListener("abort", () => this.fail());
  }

  /** Answers with frames. */
  frames(frames: unknown[], headers: Record<string, string> = {}): Promise<void> {
    return this.answer(200, frames.map((frame) => `${JSON.stringify(frame)}\n`).join(""), headers);
  }

  /** Answers without a frame. */
  empty(headers: Record<string, string> = {}): Promise<void> {
    return this.answer(204, "", headers);
  }

  /** Answers with an error of the service. */
  refuse(status: number, code: string): Promise<void> {
    return this.answer(status, JSON.stringify({ code, error: "refused", retryable: false }), {});
  }

  /** Loses the request or its answer. */
  async fail(): Promise<void> {
    this.answered = true;
    this.#fail?.(new TypeError("Failed to fetch"));
    await flushPromises();
  }

  async answer(status: number, text: string, headers: Record<string, string>): Promise<void> {
    this.answered = true;
    this.#settle?.({ status, headers: new Headers(headers), text: async () => text } as Response);
    await flushPromises();
  }
}

export class HttpService {
  readonly requests: FakeRequest[] = [];

  readonly fetch: Fetch = (url, { headers, body, keepalive, signal }) => {
    const request = new FakeRequest(new URL(url).pathname, headers, body, keepalive ?? false, signal);
    this.requests.push(request);
    return request.response;
  };

  /** Requests of one kind that wait. */
  open(kind: "messages" | "frames" | "close"): FakeRequest[] {
    return this.requests.filter((request) => !request.answered && request.path === `/terminal/${kind}`);
  }

  /** The oldest that waits. */
  next(kind: "messages" | "frames" | "close"): FakeRequest {
    const [request] = this.open(kind);
    if (!request) throw new Error(`no request for ${kind} waits`);
    return request;
  }
}
