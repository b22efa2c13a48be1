/**
 * A connection over HTTP requests that looks like a WebSocket, for networks that block those: messages go in `POST`
 * requests, and frames are the answer to a numbered request that the service holds until there is one. The service
 * keeps an answer until the next number asks, so a request that fails is repeated and nothing is lost.
 */

import type { ErrorCode } from "../protocol/generated.ts";
import { type Clock, Timer } from "./clock.ts";
import { OPEN, type Socket } from "./socket.ts";

/** The part of `fetch` that the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string; signal?: AbortSignal; keepalive?: boolean },
) => Promise<Pick<Response, "status" | "headers" | "text">>;

/** The browser's `fetch`: without cookies, and without its cache. */
export const browserFetch: Fetch = (url, init) => fetch(url, { ...init, credentials: "omit", cache: "no-store" });

const CLOSED = 3;
/** Requests with messages at a time; browsers open six connections to a host, and each terminal polls on one. */
const MAX_POSTS = 3;
/** Most messages and characters of one request; the service allows 64 and 64 KiB. */
const MAX_MESSAGES = 64;
const MAX_CHARACTERS = 20_000;
/** Time to answer a request; the service holds a poll for 20 s. */
const TIMEOUT_MS = 30_000;
/** Delay before a failed poll is repeated; doubles up to the maximum. */
const RETRY_DELAY_MS = 100;
const MAX_RETRY_DELAY_MS = 2000;
/** Failed polls in a row after which the connection is lost. */
const MAX_FAILURES = 6;

/** Close codes of the service's WebSocket for the codes of its errors. */
const CLOSE_CODES: Partial<Record<ErrorCode, number>> = {
  UNAUTHORIZED: 4001,
  TOKEN_EXPIRED: 4001,
  SESSION_NOT_FOUND: 4000,
  LIMIT_REACHED: 1013,
  CONNECTION_GONE: 1006,
  DRAINING: 4503,
};

/** A failed request: with the code and the sentence of the service, if it is an answer of the service. */
interface Failure {
  code: ErrorCode | undefined;
  sentence: string;
}

export class HttpSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readyState = OPEN;
  /** Id of the connection, once the first request is answered. */
  #id: string | undefined;
  #queue: string[] = [];
  /** True if the queue is sent after the current task, so that messages of one task share a request. */
  #flushing = false;
  /** Requests with messages that are not answered. */
  #posts = 0;
  /** Number of the last poll that was answered; the first request is one. */
  #answered = 0;
  #failures = 0;
  readonly #timer: Timer;
  readonly #abort = new AbortController();

  /** `url` has `{path}` where the path of a request goes. */
  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly clock: Clock,
    private readonly fetch: Fetch,
  ) {
    this.#timer = new Timer(clock);
    // Later, as a WebSocket.
    this.#timer.set(0, () => this.onopen?.());
  }

  send(text: string): void {
    this.#queue.push(text);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  close(): void {
    if (this.readyState === CLOSED) return;
    this.#dispose();
    this.#leave();
  }

  /** Sends what is queued. The first request opens the connection, and all others wait for its answer. */
  #flush(): void {
    const most = this.#id === undefined ? 1 : MAX_POSTS;
    while (this.readyState === OPEN && this.#queue.length > 0 && this.#posts < most) {
      let characters = 0;
      const fits = (text: string, at: number) => {
        characters += text.length;
        return at === 0 || (at < MAX_MESSAGES && characters <= MAX_CHARACTERS);
      };
      const end = this.#queue.findIndex((text, at) => !fits(text, at));
      const messages = this.#queue.splice(0, end < 0 ? this.#queue.length : end);
      this.#posts += 1;
      void this.#post(messages.join("\n"), this.#id === undefined).then(() => {
        this.#posts -= 1;
        this.#flush();
      });
    }
  }

  async #post(body: string, opens: boolean): Promise<void> {
    const answer = await this.#request("messages", body);
    if ("sentence" in answer) {
      // The protocol repeats messages that were lost; of a connection that is over, the next poll brings the end.
      if (opens || (answer.code !== undefined && answer.code !== "CONNECTION_GONE")) this.#failed(answer, opens);
      return;
    }
    if (!opens) return;
    this.#id = answer.headers.get("x-connection-id") ?? "";
    this.#answered = 1;
    // It was closed meanwhile.
    if (this.readyState === CLOSED) return this.#leave();
    if (this.#id === "") return this.#end(1006, "the address answers, but not as the terminal's service");
    this.#receive(answer.headers, answer.text);
    void this.#poll();
  }

  async #poll(): Promise<void> {
    while (this.readyState === OPEN) {
      const number = this.#answered + 1;
      const answer = await this.#request("frames", JSON.stringify({ number }));
      if (this.readyState !== OPEN) return;
      if ("sentence" in answer) {
        if (this.#failed(answer, false)) return;
        await this.#pause();
        continue;
      }
      this.#failures = 0;
      this.#answered = number;
      this.#receive(answer.headers, answer.text);
    }
  }

  #receive(headers: Pick<Headers, "get">, text: string): void {
    for (const line of text.split("\n")) {
      if (line !== "" && this.readyState === OPEN) this.onmessage?.({ data: line });
    }
    const close = headers.get("x-terminal-close");
    if (close !== null) this.#end(Number(close), "");
  }

  /** Closes the connection if nothing else helps; returns whether it did. */
  #failed({ code, sentence }: Failure, opens: boolean): boolean {
    if (this.readyState !== OPEN) return true;
    const closes = code && CLOSE_CODES[code];
    this.#failures += 1;
    if (closes === undefined && !opens && this.#failures < MAX_FAILURES) return false;
    this.#end(closes ?? 1006, sentence);
    return true;
  }

  /** The answer to a request, or why there is none. */
  async #request(path: string, body: string): Promise<{ headers: Pick<Headers, "get">; text: string } | Failure> {
    const timeout = new Timer(this.clock);
    const abort = new AbortController();
    const stop = () => abort.abort();
    this.#abort.signal.addEventListener("abort", stop);
    timeout.set(TIMEOUT_MS, stop);
    try {
      const init = { method: "POST", headers: this.#headers(), body, signal: abort.signal };
      const answer = await this.fetch(this.url.replace("{path}", path), init);
      const text = await answer.text();
      if (answer.status === 200 || answer.status === 204) return { headers: answer.headers, text };
      return failure(answer.status, text);
    } catch {
      return { code: undefined, sentence: "the service could not be reached over HTTPS" };
    } finally {
      timeout.clear();
      this.#abort.signal.removeEventListener("abort", stop);
    }
  }

  #headers(): Record<string, string> {
    const connection = this.#id ? { "x-connection-id": this.#id } : undefined;
    return { authorization: `Bearer ${this.token}`, "content-type": "text/plain;charset=UTF-8", ...connection };
  }

  #pause(): Promise<void> {
    const delay = Math.min(RETRY_DELAY_MS * 2 ** (this.#failures - 1), MAX_RETRY_DELAY_MS);
    return new Promise((resolve) => this.#timer.set(delay, resolve));
  }

  /** Tells the service; the page may be gone before the answer. */
  #leave(): void {
    if (!this.#id) return;
    const init = { method: "POST", headers: this.#headers(), body: "", keepalive: true };
    this.fetch(this.url.replace("{path}", "close"), init).catch(() => {});
  }

  #end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.#dispose();
    this.onclose?.({ code, reason });
  }

  #dispose(): void {
    this.readyState = CLOSED;
    this.#queue = [];
    this.#timer.clear();
    if (this.#id !== undefined) this.#abort.abort();
  }
}

function failure(status: number, text: string): Failure {
  try {
    const { code, error } = JSON.parse(text) as { code?: ErrorCode; error?: string };
    return { code, sentence: error ?? `status ${status}` };
  } catch {
    return { code: undefined, sentence: `the answer has status ${status}` };
  }
}
