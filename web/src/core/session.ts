/**
 * The protocol of one session: attaching, dispatching frames, errors, ends, on the connection in use. Joins
 * the parts that keep order with those that keep a connection, and maintains the state that a page sees.
 */

import type { GatewayFault } from "../protocol/frame.ts";
import type { EndReason, ErrorMessage, Event as EventFrame, ServerFrame, Theme } from "../protocol/generated.ts";
import type { ClientEvents } from "./client-events.ts";
import { Commands } from "./commands.ts";
import type { AttachedFrame, AttachRequest, Connection } from "./connection.ts";
import { controls } from "./control.ts";
import { EndWarnings } from "./end-warnings.ts";
import { NOT_STARTED, TerminalError } from "./error.ts";
import { errorAction } from "./error-policy.ts";
import { InputQueue } from "./input-queue.ts";
import { redrawn, restarted, skipped } from "./notice.ts";
import type { ResolvedOptions } from "./options.ts";
import { People } from "./people.ts";
import { Receiver } from "./receiver.ts";
import { changeBy, changedTty, isOver } from "./state.ts";
import type { TerminalSink } from "./terminal-sink.ts";
import { Transport } from "./transport.ts";
import { WindowSize } from "./window-size.ts";

/** Reasons for the end of a shell after which another instance continues the session. */
const MIGRATIONS: readonly EndReason[] = ["server_restart", "owner_lost"];

const CLOSED = { status: "closed", attempt: 0, latency: null } as const;

export class ProtocolSession {
  readonly commands: Commands;
  readonly people: People;
  readonly input: InputQueue;
  readonly transport: Transport;
  readonly #window: WindowSize;
  /** Colours of the page, once it has told them. */
  #theme: Theme | undefined;
  readonly #receiver: Receiver;
  readonly #warnings: EndWarnings;
  /** True if the next attach requests history, for a new emulator. */
  #wantsHistory = false;
  /** Further fields of each attach: a snapshot, once an emulator failed on the output. */
  wishes: Partial<AttachRequest["message"]> = {};
  /** Length of the input that was applied when the shell last waited for a command. */
  #promptAt: number | undefined;
  /** Why the shell went away; set until another one is attached. */
  #migration: EndReason | undefined;
  /** The last error during a migration; final once all attempts failed. */
  #migrationError: TerminalError | undefined;
  /** The epoch whose restart was reported to the page. */
  #reportedEpoch = 0;

  /** `onStopped` is called when the session was left, rejected, or has ended. */
  constructor(
    private readonly options: ResolvedOptions,
    private readonly events: ClientEvents,
    private readonly onStopped: () => void,
  ) {
    const { clock, inflate, size } = options;
    this.#window = new WindowSize(size);
    this.commands = new Commands(clock);
    this.#warnings = new EndWarnings(clock, (closing) => events.update({ closing }));
    this.input = new InputQueue(clock, () => this.#receiver.acks.piggyback());
    this.people = new People(events, this.input, () => clock.wall());
    this.#receiver = new Receiver({
      ...{ clock, inflate },
      event: (event) => this.#event(event),
      output: (pos, bytes) => events.message.emit({ type: "output", pos, bytes }),
      size: (cols, rows) => events.update({ size: { cols, rows } }),
      skipped: (positions) => this.#skipped(positions),
    });
    this.transport = new Transport(options, {
      trying: (attempt) => events.update({ status: this.#receiver.started ? "reconnecting" : "connecting", attempt }),
      waiting: (retryAt) => events.update({ retryAt }),
      opening: (url) => events.diagnose({ url, attempts: events.value.diagnostics.attempts + 1 }),
      established: (connectionTime) => events.diagnose({ connectionTime }),
      windowKnown: () => this.#window.known,
      attachRequest: () => this.#attachRequest(),
      attached: (connection, frame, request) => this.#attached(connection, frame, request),
      frame: (frame) => this.#frame(frame),
      fault: (fault) => this.#fault(fault),
      latency: (latency) => events.update({ latency }),
      lost: (error) => this.#lost(error),
      offline: (error) => this.#offline(error),
      notRenewed: (error) => events.fail(error),
      failed: (error) => {
        events.fail(error);
        this.#close(error);
      },
    });
  }

  /** True if the session is over: no attempt would find it again. */
  get over(): boolean {
    return isOver(this.events.value);
  }

  /** False if no program runs in front: the shell waited for a command, and nothing was typed since. */
  get busy(): boolean {
    return !this.over && this.#promptAt !== this.input.length;
  }

  /** The user is active: ends a suspension, or the delay of a slow retry. */
  wake(): void {
    if (this.transport.suspended || this.events.value.status === "offline") this.transport.wake();
  }

  /** The page is looked at again, or its network is back: goes on, also where the service stopped sending meanwhile. */
  active(): void {
    this.transport.wake();
    if (this.transport.attached) this.#receiver.follower.renew();
  }

  /** Stops output while the page is hidden; `wake` requests what was missed. Called again, it keeps a program's shell. */
  suspend(): void {
    if (this.transport.suspended && this.busy) return this.transport.keepOpen();
    if (this.transport.suspended || this.commands.pending || this.input.pending) return;
    this.#pause();
    this.transport.suspend();
  }

  /** Shows output in an emulator, with history; or in none. */
  setSink(sink: TerminalSink | undefined): void {
    this.#receiver.setSink(sink);
    if (!sink || !this.#receiver.started) return;
    this.#wantsHistory = true;
    this.wake();
    this.#reattach();
  }

  /** Output goes nowhere, until another emulator is set. */
  emulatorFailed(why: unknown): void {
    this.options.log.error(`The emulator failed on the output: ${why}`);
    this.wishes.snapshot = true;
    this.setSink(undefined);
    this.events.notice.emit(redrawn());
  }

  /** Sets the colours that programs are told. */
  setTheme(theme: Theme): void {
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return;
    this.#theme = theme;
    if (this.transport.attached) this.#tell({ type: "theme", theme });
  }

  resize(cols: number, rows: number): void {
    const changed = this.#window.resize(cols, rows);
    this.transport.windowKnown();
    if (changed && this.transport.attached) this.#tell({ type: "resize", ...this.#window.size });
  }

  /** Disconnects; the session continues without this client. */
  leave(): void {
    this.#stop();
    this.commands.rejectAll(new TerminalError("CONNECTION_FAILED", "the terminal was disconnected", true));
    if (!this.over) this.events.update({ ...CLOSED, error: null });
  }

  #attachRequest(): AttachRequest {
    const resume = this.#wantsHistory ? undefined : this.#receiver.resumePoint;
    const { clientId, inflate } = this.options;
    const directory = this.events.value.directory ?? this.options.directory;
    const accept = inflate && { accept: ["z"] };
    return {
      message: {
        client: clientId(),
        ...this.#window.size,
        ...accept,
        ...(this.#theme && { theme: this.#theme }),
        ...(resume && { resume }),
        ...(directory && { directory }),
        ...this.wishes,
      },
      acknowledged: this.input.acknowledged,
    };
  }

  #attached(connection: Connection, frame: AttachedFrame, { message, acknowledged }: AttachRequest): void {
    const { started, epoch } = this.#receiver;
    const newShell = started && frame.epoch !== epoch;
    // This answers an attach from before history was requested.
    const older = !message.resume && started && !newShell && frame.pos > 0;
    if (newShell) this.#newShell(frame.epoch, this.#migration);
    // The service forgot this client, or the shell is new: input that may not have been applied must not be repeated.
    if (newShell || frame.inputSeq < acknowledged) this.#discard(frame.inputSeq);
    this.#receiver.attached(connection, frame, !message.resume && !older);
    const reconnected = this.events.value.status !== "connected";
    this.#warnings.refresh();
    const lifetime = { endsAt: frame.endsAt ?? null, canExtend: frame.canExtend ?? false };
    const tty = changedTty(this.events.value, frame.tty);
    const { route } = connection;
    this.events.update({ status: "connected", attempt: 0, error: null, role: frame.role, ...lifetime, ...tty, route });
    this.people.attached(frame);
    this.input.resume(connection, {
      epoch: frame.epoch,
      inputSeq: frame.inputSeq,
      windowBytes: frame.limits.inputWindowBytes,
      frameBytes: frame.limits.frameBytes,
    });
    if (!this.#window.is(message)) this.#tell({ type: "resize", ...this.#window.size });
    if (this.#theme && message.theme !== this.#theme) this.#tell({ type: "theme", theme: this.#theme });
    this.#migration = undefined;
    this.#migrationError = undefined;
    if (reconnected) {
      this.options.log.info("Session validation successful");
      this.options.log.info("Connected successfully");
    }
    // The emulator was set while the attach was in flight.
    if (this.#wantsHistory && (message.resume || older)) return this.#reattach();
    this.#wantsHistory = false;
  }

  #frame(frame: ServerFrame): void {
    const { attached } = this.transport;
    const epoch = "epoch" in frame ? frame.epoch : undefined;
    // Any frame proves that the way to the service works again.
    if (frame.type !== "error" && attached) this.events.update({ error: null });
    if (attached && epoch !== undefined && epoch > this.#receiver.epoch) return this.#reattach();
    // Only a frame of the current epoch says anything about its positions.
    const current = attached && epoch === this.#receiver.epoch;
    if (current && frame.ackSeq !== undefined) this.input.acknowledge(frame.ackSeq);
    switch (frame.type) {
      case "snapshot":
        if (frame.people) this.people.whole(frame.epoch, frame.pos, frame);
        this.#receiver.accept(frame);
        break;
      case "output":
      case "event":
        this.#receiver.accept(frame);
        break;
      case "error":
        if (current && frame.have !== undefined) this.input.gap(frame.have);
        this.#error(frame);
        break;
      case "renew":
        if (current) this.#receiver.follower.renew();
        break;
      case "attached":
      case "input_ack":
      case "carried":
      case "wall":
      case "announced":
        break;
      default:
        this.events.message.emit(frame);
    }
    if (!current || frame.head === undefined || !this.transport.attached) return;
    const newest = this.#receiver.reach(frame.head) && (frame.ackSeq ?? 0) >= this.input.acknowledged;
    const { appliedLength: applied } = this.input;
    // A frame that another one has overtaken tells of an earlier prompt.
    const prompt = newest && frame.prompt === true;
    if (prompt) this.#promptAt = applied;
    this.#receiver.progress(frame.head, { applied, alone: frame.type === "input_ack", prompt });
  }

  #event(event: EventFrame): void {
    const change = changeBy(event);
    if (change) this.events.update(change);
    this.people.event(event);
    switch (event.kind) {
      case "command_result":
        this.commands.resolve(event.id, event);
        break;
      case "closing":
        this.#warnings.announce(event.reason, event.at);
        if (event.reason === "token_expired") this.transport.refreshToken();
        break;
      case "stays":
        this.#warnings.cancel(event.reason);
        break;
      case "restarted":
        this.#newShell(event.epoch, event.reason);
        break;
      case "exit":
        // The exit of an earlier shell is known already.
        if (event.epoch === this.#receiver.epoch) this.#exited(event);
        break;
    }
    this.events.message.emit({ ...event, type: "event" });
  }

  #exited({ reason, exitCode, signal }: EventFrame & { kind: "exit" }): void {
    this.#receiver.acks.flush();
    if (MIGRATIONS.includes(reason)) {
      this.#migration = reason;
      return this.transport.reconnect("the service is being replaced");
    }
    this.#warnings.clear();
    this.events.update({ ...CLOSED, end: { reason, exitCode, ...(signal !== undefined && { signal }) } });
    this.#stop();
    this.commands.rejectAll(new TerminalError("SESSION_ENDED", "the session ended"));
  }

  #newShell(epoch: number, reason: EndReason | undefined): void {
    if (this.#reportedEpoch === epoch) return;
    this.#reportedEpoch = epoch;
    this.#promptAt = undefined;
    this.#warnings.clear();
    this.events.update({ title: "" });
    this.events.notice.emit(restarted(reason));
  }

  #skipped(positions: number): void {
    this.options.log.info(`${positions} positions of output were skipped`);
    this.commands.outputSkipped();
    this.events.notice.emit(skipped(positions));
  }

  #error(frame: { type: "error" } & ErrorMessage & ServerFrame): void {
    const error = new TerminalError(frame.code, frame.message, frame.retryable);
    if (frame.id !== undefined) this.commands.reject(frame.id, error);
    this.events.message.emit(frame);
    const { attached, established, renewable, watches } = this.transport;
    const migrating = this.#migration !== undefined;
    const action = errorAction(frame, { attached, established, renewable, watches, migrating });
    if (action === "ignore") return;
    if (action === "wait") return this.#waitForStart();
    // Each message in flight is rejected; later errors find an attach pending and do nothing.
    if (action === "reattach") return this.#reattach();
    if (action === "reconnect") {
      if (migrating) this.#migrationError = error;
      return this.transport.reconnect(frame.message);
    }
    this.events.fail(error);
    if (frame.retryable && (frame.id ?? frame.seq) === undefined) this.events.update({ error });
    if (action === "close") this.#close(error);
    else if (action === "retry") this.#receiver.follower.retry();
  }

  /** This page may only watch, and waits until another one starts the session. */
  #waitForStart(): void {
    const { error } = this.events.value;
    this.transport.attachLater();
    if (error?.code === NOT_STARTED.code) return;
    const status = this.#receiver.started ? "reconnecting" : "connecting";
    this.events.update({ status, role: "viewer", error: NOT_STARTED });
    this.events.fail(NOT_STARTED);
  }

  #fault(fault: GatewayFault): void {
    const error = new TerminalError("GATEWAY_FAULT", fault.message, true);
    this.events.update({ error });
    this.events.fail(error);
    this.#receiver.follower.retry();
  }

  /** Attaches again on the same connection: for a new epoch, or for history. */
  #reattach(): void {
    if (this.transport.reattach()) this.#pause();
  }

  #lost(error: TerminalError): void {
    this.#pause();
    this.events.update({ error, latency: null });
    this.events.fail(error);
  }

  #offline(error: TerminalError): void {
    if (this.#migrationError && error.code === "MAX_RETRIES_EXCEEDED") return this.#close(this.#migrationError);
    this.#pause();
    // Their callers get an error now, so the commands must not run later.
    this.input.withdrawCommands();
    this.commands.rejectAll(error);
    this.events.update({ status: "offline", attempt: 0, latency: null, error });
    this.events.fail(error);
  }

  /** Stops for good because of an error. */
  #close(error: TerminalError): void {
    this.#stop();
    this.commands.rejectAll(error);
    this.options.log.error(`Giving up: ${error.message}`);
    this.events.update({ ...CLOSED, error });
  }

  #discard(inputSeq: number): void {
    const missed = this.input.discard(inputSeq);
    const sentence = "the service or the shell was restarted; input from before was discarded";
    const error = new TerminalError("INPUT_DISCARDED", sentence);
    this.commands.rejectAll(error);
    if (missed) this.events.fail(error);
  }

  #pause(): void {
    this.input.pause();
    this.#receiver.detached();
  }

  #stop(): void {
    this.#pause();
    this.#warnings.stop();
    this.transport.stop();
    this.onStopped();
  }

  /** Tells the service of a change in the page. A full queue rejects it; the next attach carries it anyway. */
  #tell(change: Parameters<InputQueue["push"]>[0]): void {
    if (controls(this.events.value) && !this.over) this.input.push(change);
  }
}
