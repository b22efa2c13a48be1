/**
 * Everything between arriving frames and the emulator: order, gaps, snapshots, playback, acknowledgement. One object for the
 * life of a page; attachments come and go.
 */

import type {
  Attached,
  ClientMessage,
  Event as EventFrame,
  Resume,
  ServerFrame,
  Snapshot,
} from "../protocol/generated.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Clock } from "./clock.ts";
import { Follower } from "./follower.ts";
import { OutputStream, type StreamItem } from "./output-stream.ts";
import { Playback } from "./playback.ts";
import type { TerminalSink } from "./sink.ts";
import { SnapshotParts } from "./snapshot.ts";

/** Frames that belong to the stream. */
export type StreamFrame = Extract<ServerFrame, { type: "output" | "event" | "snapshot" }>;

/** What the receiver tells its client, in the order of the stream and each thing once. */
export interface ReceiverPort {
  clock: Clock;
  send(message: ClientMessage): void;
  /** When everything before it has been parsed. */
  event(event: EventFrame): void;
  /** After they have been parsed. */
  output(pos: number, bytes: Uint8Array): void;
  size(cols: number, rows: number): void;
  /** Positions that will never come; a snapshot stands for them. */
  skipped(positions: number): void;
  /** A frame of a newer life of the shell came: attach again to learn about it. */
  newEpoch(): void;
}

/** One page's view of the session's stream. */
export class Receiver {
  #sink: TerminalSink | undefined;
  #started = false;
  /** Everything before it was told; history that is played again is not told again. */
  #told = 0;
  readonly #stream = new OutputStream((item) => this.#play(item));
  readonly #playback: Playback;
  readonly #acks: Acknowledger;
  readonly #follower: Follower;
  readonly #snapshots = new SnapshotParts();

  constructor(private readonly port: ReceiverPort) {
    const { clock } = port;
    this.#acks = new Acknowledger(clock, (pos) => port.send({ type: "ack", epoch: this.epoch, pos }));
    this.#playback = new Playback((pos) => this.#acks.parsed(pos));
    this.#follower = new Follower({
      clock,
      pos: () => this.#stream.pos,
      head: () => this.#stream.head,
      gap: () => this.#stream.gap,
      busy: () => !this.#playback.idle,
      send: (repair) =>
        port.send({ type: "follow", epoch: this.epoch, pos: this.#stream.pos, ...(repair && { repair }) }),
    });
  }

  /** The life of the shell; 0 before the first attach. */
  get epoch(): number {
    return this.#stream.epoch;
  }

  /** Whether something has come that an emulator attached now would lack. */
  get started(): boolean {
    return this.#started;
  }

  /** What an attach says it has; nothing before the first. */
  get resumePoint(): Resume | undefined {
    return this.#started ? { epoch: this.epoch, pos: this.#stream.pos } : undefined;
  }

  /** Where output is shown from now on. */
  use(sink: TerminalSink | undefined): void {
    this.#sink = sink;
    this.#playback.use(sink);
  }

  /** A connection is attached. With `fresh`, history comes again from the start, into an empty emulator. */
  attached(frame: ServerFrame & { type: "attached" } & Attached, fresh: boolean): void {
    const newShell = this.#started && frame.epoch !== this.epoch;
    if (!this.#started || fresh || newShell) {
      this.#restart(frame, newShell ? "modes" : "full");
    } else if (frame.pos > this.#stream.pos) {
      this.port.skipped(frame.pos - this.#stream.pos);
      this.#stream.skipTo(frame.pos);
    }
    this.#stream.reach(frame.head ?? frame.pos);
    this.#playback.history(this.#stream.head);
    this.#acks.start(frame.limits.ackStepBytes);
    this.#follower.start(frame.followMs);
  }

  /** No connection is attached. */
  detached(): void {
    this.#acks.stop();
    this.#follower.stop();
  }

  /** The end is near: say what was parsed while someone still listens. */
  flush(): void {
    this.#acks.flush();
  }

  /** The way to the service failed somewhere: ask again for frames, soon. */
  again(): void {
    this.#follower.again();
  }

  /** The stream is at least this long. */
  reach(head: number): void {
    this.#stream.reach(head);
    this.#follower.observe();
  }

  /** Takes a frame of the stream; those of an older life of the shell are refused. */
  accept(frame: StreamFrame): void {
    if (frame.epoch > this.epoch) return this.port.newEpoch();
    if (frame.epoch < this.epoch) return;
    if (frame.type === "snapshot") this.#snapshot(frame);
    else this.#stream.accept(frame);
    this.#follower.observe();
  }

  #restart(frame: Attached, reset: "full" | "modes"): void {
    if (frame.epoch !== this.epoch) this.#told = frame.pos;
    const shown = this.#started;
    this.#started = true;
    this.#snapshots.clear();
    this.#stream.start(frame.epoch, frame.pos);
    this.#acks.reset(frame.pos);
    this.#playback.start(frame.pos, () => {
      if (shown) this.#sink?.reset(reset);
      this.#resize(frame.cols, frame.rows);
    });
  }

  #snapshot(frame: Snapshot): void {
    if (frame.pos < this.#stream.pos) return;
    const whole = this.#snapshots.accept(frame);
    if (!whole) return;
    this.#playback.replace(frame.pos, whole.bytes, () => {
      this.#sink?.reset(frame.scope);
      this.#resize(frame.cols, frame.rows);
    });
    if (frame.skipped > 0) this.port.skipped(frame.skipped);
    this.#stream.skipTo(frame.pos);
  }

  #play(item: StreamItem): void {
    const news = item.pos >= this.#told;
    if ("bytes" in item) {
      const { pos, bytes } = item;
      if (news) this.#told = pos + bytes.length;
      return this.#playback.write(pos, bytes, () => news && this.port.output(pos, bytes));
    }
    const { pos, event } = item;
    if (news) this.#told = pos + 1;
    const size = event.kind === "size" ? event : undefined;
    this.#playback.step(
      pos,
      () => {
        if (size) this.#resize(size.cols, size.rows);
        if (news) this.port.event(event);
      },
      size !== undefined,
    );
  }

  #resize(cols: number, rows: number): void {
    this.#sink?.resize(cols, rows);
    this.port.size(cols, rows);
  }
}
