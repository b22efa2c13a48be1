/**
 * One connection: token, WebSocket, attach, heartbeat, end. A client may have two for a moment, so it keeps nothing of
 * the session.
 */

import { type GatewayFault, readFrame } from "../protocol/frame.ts";
import type { Attach, Attached, ClientMessage, ServerFrame } from "../protocol/generated.ts";
import type { Address } from "./address.ts";
import { type Clock, Timer } from "./clock.ts";
import { type CloseReason, closeReason, isOneTooMany, reasonOfClose } from "./close-reason.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Latency } from "./latency.ts";
import type { Log } from "./log.ts";
import type { Route } from "./route.ts";
import { OPEN, type Socket, type SocketFactory } from "./socket.ts";
import type { Times } from "./times.ts";
import { hasExpired, namedSession, obtainToken, onlyWatches, type TokenSource } from "./token.ts";

const TOKEN_TIMEOUT_MS = 15_000;
/** Time that an emulator that is still loading has to report its size: a shell that starts too narrow redraws. */
const WINDOW_TIMEOUT_MS = 1000;
/** An unanswered attach is repeated after this delay, which doubles up to the maximum. */
const ATTACH_RETRY_DELAY_MS = 1000;
const MAX_ATTACH_RETRY_DELAY_MS = 4000;
/** Time to answer an attach after the first; a service that has answered before is quick. */
const REATTACH_TIMEOUT_MS = 5000;

/** A session that has not started is asked for after this delay, which doubles up to the maximum. */
const START_DELAY_MS = 1000;
const MAX_START_DELAY_MS = 10_000;

/** Stream frames that are kept until the first attach is answered; frames beyond this are requested again. */
const MAX_EARLY_FRAMES = 64;

const deadConnection = (): CloseReason => ({
  ...closeReason("CONNECTION_FAILED", "The connection gave no sign of life any more.", "immediate"),
  silent: true,
});

const otherSession = (named: string, asked: string) =>
  closeReason(
    "SESSION_INVALID",
    `The token is for session ${named}, and the page asked for ${asked}: pass the token's \`sid\` as session id.`,
    "new token",
  );

/** An attach, and the state when it was sent. */
export interface AttachRequest {
  message: Attach;
  /** The last input that was acknowledged by then. */
  acknowledged: number;
}

export type AttachedFrame = { type: "attached" } & Attached & ServerFrame;

export interface ConnectionOptions {
  clock: Clock;
  times: Times;
  log: Log;
  /** From 0 up to 1. */
  random: () => number;
  socket: SocketFactory;
  token: TokenSource;
  sessionId: string;
  address(token: string): Address;
  route: Route;
  /** Time until the socket must have opened, in ms, if that is less than the time to connect. */
  openMs?: number | undefined;
  /** True for a successor that is opened while another connection is in use: any error of the service ends it. */
  standby: boolean;
}

/** Questions and reports of a connection to its owner. */
export interface ConnectionHandlers {
  opening(displayUrl: string): void;
  windowKnown(): boolean;
  /** True while a run of this connection may carry frames, and an answer may wait for its end. */
  mayCarry(): boolean;
  attachRequest(): AttachRequest;
  attached(connection: Connection, frame: AttachedFrame, request: AttachRequest): void;
  frame(frame: ServerFrame): void;
  fault(fault: GatewayFault): void;
  latency(latency: Latency): void;
  /** The first attach was answered `ms` after opening. */
  established(ms: number): void;
  /** The connection ended; the last call, and never from within the constructor. */
  closed(connection: Connection, reason: CloseReason): void;
}

export class Connection {
  #socket: Socket | undefined;
  #closed = false;
  #attached = false;
  #established = false;
  #standby: boolean;
  /** True while the attach waits for the window's size. */
  #awaitingWindow = false;
  #opened = false;
  /** True if the token only lets its bearer watch. */
  #watches = false;
  /** Attaches in a row for which the session had not started. */
  #refusals = 0;
  #startedAt = 0;
  #displayUrl = "";
  /** The pending or answered attach. */
  #request: AttachRequest | undefined;
  /** Stream frames that arrived before the answer to the first attach. */
  #early: ServerFrame[] = [];
  readonly #deadline: Timer;
  readonly #attachRetry: Timer;
  readonly #heartbeat: Heartbeat;

  constructor(
    private readonly options: ConnectionOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    const { clock, times, token } = options;
    this.#standby = options.standby;
    this.#deadline = new Timer(clock);
    this.#attachRetry = new Timer(clock);
    this.#heartbeat = new Heartbeat({
      ...{ clock, times },
      mayCarry: () => handlers.mayCarry(),
      ping: (t) => this.send({ type: "ping", t }),
      latency: (latency) => handlers.latency(latency),
      dead: () => this.#end(deadConnection()),
    });
    const noToken = (why: string, cause?: unknown) =>
      this.#end(closeReason("TOKEN_UNAVAILABLE", `No token is available: \`getToken\` ${why}.`, "backoff", cause));
    this.#deadline.set(TOKEN_TIMEOUT_MS, () => noToken(`did not answer within ${TOKEN_TIMEOUT_MS / 1000} s`));
    obtainToken(
      token,
      (obtained) => this.#open(obtained),
      (why) => noToken("failed", why),
    );
  }

  /** True while messages other than `attach` may be sent. */
  get attached(): boolean {
    return this.#attached;
  }

  /** True once it has been attached, even if an attach is pending again. */
  get established(): boolean {
    return this.#established;
  }

  get watches(): boolean {
    return this.#watches;
  }

  get route(): Route {
    return this.options.route;
  }

  /** True once the socket was open. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Attaches, or attaches again. The attach is idempotent and repeated until it is answered. */
  attach(): void {
    if (!this.#socket) return;
    this.#attached = false;
    this.#request = undefined;
    if (this.#established) this.#awaitAnswer();
    if (this.handlers.windowKnown()) return this.#sendAttach(ATTACH_RETRY_DELAY_MS);
    this.#awaitingWindow = true;
    this.#attachRetry.set(WINDOW_TIMEOUT_MS, () => this.#sendAttach(ATTACH_RETRY_DELAY_MS));
  }

  /** Attaches again after a delay: the session has not started, or is being started elsewhere. */
  attachLater(): void {
    this.#request = undefined;
    this.#deadline.clear();
    const bound = Math.min(MAX_START_DELAY_MS, START_DELAY_MS * 2 ** this.#refusals);
    this.#refusals += 1;
    // Apart from each other: a class of viewers waits for the same moment.
    this.#attachRetry.set((0.5 + this.options.random() / 2) * bound, () => this.#attachAgain());
  }

  /** The window's size is known: sends an attach that waits for it. */
  windowKnown(): void {
    if (this.#awaitingWindow) this.#sendAttach(ATTACH_RETRY_DELAY_MS);
  }

  /** Sends a message if the socket is open. A lost message is the sender's to repeat. */
  send(message: ClientMessage): void {
    const socket = this.#socket;
    if (socket && (socket.readyState ?? OPEN) === OPEN) socket.send(JSON.stringify(message));
  }

  /** Pings unless a recent or pending answer makes that unnecessary. */
  verify(): void {
    this.#heartbeat.verify();
  }

  /** Checks quickly whether the connection has survived an event such as a change of network. */
  probe(): void {
    // It waits for the session to start.
    if (this.#refusals > 0 && !this.#request) this.#attachAgain();
    else if (this.#heartbeat.silent) this.#end(deadConnection());
    else this.#heartbeat.probe();
  }

  /** Takes the place of the connection in use. */
  promote(): void {
    this.#standby = false;
  }

  /** Stops the heartbeat until the next attach. */
  suspend(): void {
    this.#heartbeat.stop();
  }

  /** Pings without a deadline: it is noticed when the page is shown that no answer came. */
  keepOpen(): void {
    this.send({ type: "ping" });
  }

  /** Closes it from this side, without a call of `closed`. */
  close(): void {
    this.#dispose()?.close(1000);
  }

  #open(token: string): void {
    if (this.#closed) return;
    const { clock, log, socket: factory, times } = this.options;
    // Later, because the caller of the constructor does not have the connection yet.
    const fail = (reason: CloseReason) => this.#deadline.set(0, () => this.#end(reason));
    this.#watches = onlyWatches(token);
    if (!token) return fail(closeReason("UNAUTHORIZED", "No token was given.", "new token"));
    const named = namedSession(token);
    // The gateway refuses it, and a browser does not say why.
    if (named !== undefined && named !== this.options.sessionId)
      return fail(otherSession(named, this.options.sessionId));
    this.#startedAt = clock.now();
    const openMs = Math.min(this.options.openMs ?? times.connectMs, times.connectMs);
    this.#deadline.set(openMs, () => this.#end(this.#timeout(openMs)));
    const { url, protocols, displayUrl } = this.options.address(token);
    this.#displayUrl = displayUrl;
    this.handlers.opening(displayUrl);
    let socket: Socket;
    try {
      socket = factory(url, protocols);
    } catch (error) {
      // The exception's message may contain the address, and with it the token.
      const kind = error instanceof Error ? error.name : "an error";
      const what = `The browser refused to create a WebSocket for ${displayUrl} (${kind})`;
      const sentence = `${what}: check the address, and the page's Content-Security-Policy.`;
      return fail(closeReason("WEBSOCKET_CREATION_FAILED", sentence, "never"));
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#opened = true;
      const left = this.#startedAt + times.connectMs - clock.now();
      this.#deadline.set(left, () => this.#end(this.#timeout(times.connectMs)));
      log.info(`Connected in ${Math.round(clock.now() - this.#startedAt)}ms`);
      this.attach();
    };
    socket.onmessage = (event) => this.#receive(event.data, token);
    socket.onclose = ({ code, reason }) => this.#end(this.#reasonOfClose(code, reason, token));
  }

  #reasonOfClose(code: number, reason: string, token: string): CloseReason {
    const closed = { url: this.#displayUrl, opened: this.#opened, established: this.#established };
    const fetchesToken = typeof this.options.token !== "string";
    const expired = hasExpired(token, this.options.clock.wall());
    return reasonOfClose(code, reason, { ...closed, expired, fetchesToken });
  }

  #timeout(ms: number): CloseReason {
    const seconds = ms / 1000;
    const what = this.#opened ? "The service did not answer" : `${this.#displayUrl} did not open`;
    const sentence = `${what} within ${seconds} s: check the network and that the service runs.`;
    return closeReason("CONNECTION_TIMEOUT", sentence, "backoff");
  }

  /** The service has answered before, so it does again, or the connection is dead. */
  #awaitAnswer(): void {
    const timeoutMs = this.handlers.mayCarry() ? this.options.times.carryingPongMs : REATTACH_TIMEOUT_MS;
    this.#deadline.set(timeoutMs, () => this.#end(deadConnection()));
  }

  #attachAgain(): void {
    this.#awaitAnswer();
    this.#sendAttach(ATTACH_RETRY_DELAY_MS);
  }

  #sendAttach(retryDelayMs: number): void {
    this.#awaitingWindow = false;
    const { message, acknowledged } = this.handlers.attachRequest();
    // The answer may be to an earlier attach, so its acknowledged input is the lower bound.
    this.#request = { message, acknowledged: Math.min(acknowledged, this.#request?.acknowledged ?? acknowledged) };
    this.#attachRetry.set(retryDelayMs, () => this.#sendAttach(Math.min(retryDelayMs * 2, MAX_ATTACH_RETRY_DELAY_MS)));
    this.send({ type: "attach", ...message });
  }

  #receive(data: unknown, token: string): void {
    const frame = readFrame(data);
    if (!frame) return this.options.log.warn("A frame could not be read and was skipped");
    this.#heartbeat.received();
    if (frame.type === "gateway_fault") {
      if (this.#standby) this.#failStandby(frame.message);
      else this.handlers.fault(frame);
    } else if (frame.type === "error" && isOneTooMany(frame))
      this.#end(this.#reasonOfClose(1013, frame.message, token));
    else if (frame.type === "attached") this.#receiveAttached(frame);
    else {
      if (frame.type === "pong") this.#heartbeat.pong(frame);
      this.#dispatch(frame);
    }
  }

  #receiveAttached(frame: AttachedFrame): void {
    const request = this.#request;
    // A repeated attach is answered twice.
    if (this.#attached || !request || frame.client !== request.message.client) return;
    // An answer from before the known epoch.
    if (frame.epoch < (request.message.resume?.epoch ?? 0)) return;
    this.#attached = true;
    this.#refusals = 0;
    if (!this.#established) this.handlers.established(this.options.clock.now() - this.#startedAt);
    this.#established = true;
    this.#deadline.clear();
    this.#attachRetry.clear();
    this.handlers.attached(this, frame, request);
    for (const early of this.#early.splice(0)) this.#dispatch(early);
    if (this.#socket && this.#attached) this.#heartbeat.start();
  }

  #dispatch(frame: ServerFrame): void {
    // A listener may have closed the connection during the attach.
    if (this.#closed) return;
    const isStream = frame.type === "output" || frame.type === "event" || frame.type === "snapshot";
    if (!this.#established && isStream) {
      if (this.#early.length < MAX_EARLY_FRAMES) this.#early.push(frame);
    } else if (!this.#standby) this.handlers.frame(frame);
    else if (frame.type === "error") this.#failStandby(frame.message);
  }

  #failStandby(why: string): void {
    this.#end(closeReason("CONNECTION_FAILED", why, "backoff"), 1000);
  }

  /** Releases everything; returns the socket if there still was one. */
  #dispose(): Socket | undefined {
    const socket = this.#socket;
    this.#closed = true;
    this.#socket = undefined;
    this.#attached = false;
    this.#awaitingWindow = false;
    this.#deadline.clear();
    this.#attachRetry.clear();
    this.#heartbeat.stop();
    if (socket) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
    }
    return socket;
  }

  #end(reason: CloseReason, code?: number): void {
    if (this.#closed) return;
    this.#dispose()?.close(code);
    this.handlers.closed(this, reason);
  }
}
