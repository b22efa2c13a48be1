/**
 * The way of output from arriving frames to the emulator: order, repair, snapshots, acknowledgement. Lives as long as
 * the page, across attachments.
 */

import { payloadBytes } from "../protocol/bytes.ts";
import type { Attached, Event as EventFrame, Resume, ServerFrame, Snapshot } from "../protocol/generated.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { EmulatorWriter } from "./emulator-writer.ts";
import { Follower } from "./follower.ts";
import { FrameQueue, type StreamFrame } from "./frame-queue.ts";
import type { Inflate } from "./inflate.ts";
import { OutputStream, type StreamItem } from "./output-stream.ts";
import { SnapshotAssembler } from "./snapshot.ts";
import type { InputProgress, TerminalSink } from "./terminal-sink.ts";

const NO_BYTES = new Uint8Array();
/** Reports of progress that wait for output; older ones say less. */
const MAX_REPORTS = 64;

/** Reports of the receiver, in the order of the stream and once. */
export interface ReceiverPort {
  clock: Clock;
  inflate: Inflate | undefined;
  /** An event, once everything before it has been parsed. */
  event(event: EventFrame): void;
  /** Output, once it has been parsed or replaced by a snapshot. */
  output(pos: number, bytes: Uint8Array): void;
  size(cols: number, rows: number): void;
  /** Number of positions that will never arrive and that the snapshot does not fully show. */
  skipped(positions: number): void;
}

export class Receiver {
  readonly acks: Acknowledger;
  readonly follower: Follower;
  #sink: TerminalSink | undefined;
  #connection: Pick<Connection, "send" | "verify"> | undefined;
  #started = false;
  /** Everything before it was reported; replayed history is not reported again. */
  #reported = 0;
  /** True until output arrives after a restart; a page that has seen nothing misses nothing. */
  #pristine = true;
  /** Reports of progress by the position that they wait for. */
  #reports: Array<{ head: number; progress: InputProgress }> = [];
  readonly #frames: FrameQueue;
  readonly #stream = new OutputStream((item) => this.#write(item));
  readonly #writer: EmulatorWriter;
  readonly #snapshots = new SnapshotAssembler();

  constructor(private readonly port: ReceiverPort) {
    const { clock, inflate } = port;
    this.#frames = new FrameQueue(clock, inflate, (frame, bytes) => {
      this.#decoded(frame, bytes);
      this.#report();
      this.follower.observe();
    });
    this.acks = new Acknowledger(clock, (pos) => this.#connection?.send({ type: "ack", epoch: this.epoch, pos }));
    this.#writer = new EmulatorWriter((pos) => this.acks.parsed(pos));
    this.follower = new Follower({
      clock,
      pos: () => this.#stream.pos,
      head: () => this.#stream.head,
      gap: () => this.#stream.gap || this.#snapshots.gap(this.#stream.pos),
      progress: () => this.#stream.pos + this.#snapshots.received,
      busy: () => this.#frames.busy || !this.#writer.idle,
      send: (repair) => this.#follow(repair),
      verify: () => this.#connection?.verify(),
    });
  }

  /** Epoch of the shell; 0 before the first attach. */
  get epoch(): number {
    return this.#stream.epoch;
  }

  /** True after the first attach: an emulator that comes now needs history. */
  get started(): boolean {
    return this.#started;
  }

  /** `resume` of the next attach. */
  get resumePoint(): Resume | undefined {
    return this.#started ? { epoch: this.epoch, pos: this.#stream.pos } : undefined;
  }

  setSink(sink: TerminalSink | undefined): void {
    this.#sink = sink;
    this.#writer.setSink(sink);
  }

  /** A connection was attached. With `fromStart`, it sends history again, for an empty emulator. */
  attached(connection: Pick<Connection, "send" | "verify">, frame: Attached & ServerFrame, fromStart: boolean): void {
    this.#connection = connection;
    const newShell = this.#started && frame.epoch !== this.epoch;
    if (!this.#started || fromStart || newShell) this.#restart(frame, newShell ? "modes" : "full");
    // Positions beyond the received ones show as a gap and are requested.
    this.#stream.reach(Math.max(frame.head ?? 0, frame.pos));
    this.acks.start(frame.limits.ackStepBytes);
    this.follower.start(frame.followMs);
  }

  detached(): void {
    this.#connection = undefined;
    this.acks.stop();
    this.follower.stop();
  }

  /** The stream extends at least to `head`. False if it is known to extend further. */
  reach(head: number): boolean {
    this.#stream.reach(head);
    this.follower.observe();
    return head >= this.#stream.head;
  }

  /** Reports progress to the emulator once it has parsed everything before `head`. */
  progress(head: number, progress: InputProgress): void {
    if (!this.#sink?.progress) return;
    this.#reports.push({ head, progress });
    if (this.#reports.length > MAX_REPORTS) this.#reports.shift();
    this.#report();
  }

  /** Takes a stream frame; ignores one of another epoch. */
  accept(frame: StreamFrame): void {
    if (frame.epoch === this.epoch) {
      const bytes = frame.type === "event" ? NO_BYTES : payloadBytes(frame);
      if (bytes && !this.#frames.busy) this.#decoded(frame, bytes);
      else this.#frames.push(frame, bytes);
    }
    this.follower.observe();
  }

  #decoded(frame: StreamFrame, bytes: Uint8Array): void {
    if (frame.type === "snapshot") this.#snapshot(frame, bytes);
    else if (frame.type === "event") this.#stream.accept({ pos: frame.pos, event: frame });
    // A frame of the wrong length counts as lost.
    else if (bytes.length === frame.len) this.#stream.accept({ pos: frame.pos, bytes });
  }

  #report(): void {
    for (let next = this.#reports[0]; next && next.head <= this.#stream.pos; next = this.#reports[0]) {
      const { progress } = next;
      this.#reports.shift();
      this.#writer.step(0, () => this.#sink?.progress?.(progress));
    }
  }

  #restart(frame: Attached, reset: "full" | "modes"): void {
    this.#reports = [];
    if (frame.epoch === this.epoch) this.#snapshots.drop();
    else {
      this.#reported = frame.pos;
      this.#snapshots.reset();
    }
    const shown = this.#started;
    this.#started = true;
    this.#pristine = true;
    this.#frames.clear();
    this.#stream.start(frame.epoch, frame.pos);
    this.acks.reset(frame.pos);
    this.#writer.restart(frame.pos, () => {
      if (shown) this.#sink?.reset(reset);
      this.#resize(frame.cols, frame.rows);
    });
  }

  #snapshot(frame: Snapshot, bytes: Uint8Array): void {
    const { pos } = this.#stream;
    if (frame.pos < pos) return;
    const snapshot = this.#snapshots.accept(frame, bytes);
    if (!snapshot) return;
    // The screen already shows everything that it replaces.
    if (frame.pos === pos && !this.#pristine && this.#writer.idle) return;
    this.acks.skip(frame.pos - pos);
    this.#writer.replace(frame.pos, snapshot.bytes, () => this.#resize(frame.cols, frame.rows));
    for (const event of snapshot.events) {
      if (event.pos >= this.#reported) this.#writer.step(0, () => this.port.event({ ...event, epoch: frame.epoch }));
    }
    // A pristine page has missed nothing, and after an interrupt only the screen was wanted.
    if (frame.skipped > 0 && frame.scope === "full" && !this.#pristine) this.port.skipped(frame.skipped);
    this.#pristine = false;
    this.#reported = Math.max(this.#reported, frame.pos);
    this.#stream.skipTo(frame.pos);
  }

  #write(item: StreamItem): void {
    this.#pristine = false;
    const isNew = item.pos >= this.#reported;
    if ("bytes" in item) {
      const { pos, bytes } = item;
      const end = pos + bytes.length;
      this.#reported = Math.max(this.#reported, end);
      return this.#writer.write(bytes, end, () => isNew && this.port.output(pos, bytes));
    }
    const { pos, event } = item;
    this.#reported = Math.max(this.#reported, pos + 1);
    const resize = event.kind === "size" ? () => this.#resize(event.cols, event.rows) : undefined;
    this.#writer.step(pos + 1, () => isNew && this.port.event(event), resize);
  }

  #follow(repair: boolean): void {
    // The service answers with another snapshot if one is still needed.
    if (repair) this.#snapshots.requested();
    this.#connection?.send({ type: "follow", epoch: this.epoch, pos: this.#stream.pos, ...(repair && { repair }) });
  }

  #resize(cols: number, rows: number): void {
    this.#sink?.resize(cols, rows);
    this.port.size(cols, rows);
  }
}
