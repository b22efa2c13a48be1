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
import { Arrivals, type Arrived, type StreamFrame } from "./arrivals.ts";
import type { Clock } from "./clock.ts";
import { Follower } from "./follower.ts";
import type { Inflate } from "./inflate.ts";
import { OutputStream, type StreamItem } from "./output-stream.ts";
import { Playback } from "./playback.ts";
import type { TerminalSink } from "./sink.ts";
import { SnapshotParts } from "./snapshot.ts";

/** What the receiver tells its client, in the order of the stream and each thing once. */
export interface ReceiverPort {
  clock: Clock;
  /** Unpacks `z`; without it, none may be asked for. */
  inflate: Inflate | undefined;
  send(message: ClientMessage): void;
  /** Says something to the service that needs an answer. */
  verify(): void;
  /** When everything before it has been parsed. */
  event(event: EventFrame): void;
  /** After they have been parsed, or when a snapshot took their place. */
  output(pos: number, bytes: Uint8Array): void;
  size(cols: number, rows: number): void;
  /** Positions that will never come, and not all of whose output is in the snapshot that came instead. */
  skipped(positions: number): void;
}

/** One page's view of the session's stream. */
export class Receiver {
  #sink: TerminalSink | undefined;
  #started = false;
  /** Everything before it was told; history that is played again is not told again. */
  #told = 0;
  /** Nothing has come since the stream was started: what is skipped now was never missed. */
  #untouched = true;
  readonly #arrivals: Arrivals;
  readonly #stream = new OutputStream((item) => this.#play(item));
  readonly #playback: Playback;
  readonly #acks: Acknowledger;
  readonly #follower: Follower;
  readonly #snapshots = new SnapshotParts();

  constructor(private readonly port: ReceiverPort) {
    const { clock, inflate, verify } = port;
    this.#arrivals = new Arrivals(clock, inflate, (arrived) => this.#arrived(arrived));
    this.#acks = new Acknowledger(clock, (pos) => port.send({ type: "ack", epoch: this.epoch, pos }));
    this.#playback = new Playback((pos) => this.#acks.parsed(pos));
    this.#follower = new Follower({
      clock,
      verify,
      pos: () => this.#stream.pos,
      head: () => this.#stream.head,
      gap: () => this.#stream.gap || this.#snapshots.gap(this.#stream.pos),
      progress: () => this.#stream.pos + this.#snapshots.received,
      busy: () => this.#arrivals.busy || !this.#playback.idle,
      send: (repair) => this.#follow(repair),
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
    if (!this.#started || fresh || newShell) this.#restart(frame, newShell ? "modes" : "full");
    // Beyond what is here, something is missing: that shows as a gap, and is asked for.
    this.#stream.reach(Math.max(frame.head ?? 0, frame.pos));
    this.#acks.start(frame.limits.ackStepBytes);
    this.#follower.start(frame.followMs);
  }

  /** No connection is attached. */
  detached(): void {
    this.#acks.stop();
    this.#follower.stop();
  }

  /** How far output is parsed, for a message that goes now anyway; nothing when the service knows. */
  acknowledge(): number | undefined {
    return this.#acks.carried();
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

  /** Takes a frame of the stream; those of another life of the shell are refused. */
  accept(frame: StreamFrame): void {
    if (frame.epoch === this.epoch) this.#arrivals.accept(frame);
    this.#follower.observe();
  }

  #arrived({ frame, bytes }: Arrived): void {
    if (frame.epoch !== this.epoch) return;
    if (frame.type === "snapshot") this.#snapshot(frame, bytes);
    else if (frame.type === "event") this.#stream.accept({ pos: frame.pos, event: frame });
    // Another length than it says: it counts as lost.
    else if (bytes.length === frame.len) this.#stream.accept({ pos: frame.pos, bytes });
    this.#follower.observe();
  }

  #restart(frame: Attached, reset: "full" | "modes"): void {
    if (frame.epoch === this.epoch) this.#snapshots.drop();
    else {
      this.#told = frame.pos;
      this.#snapshots.forget();
    }
    const shown = this.#started;
    this.#started = true;
    this.#untouched = true;
    this.#arrivals.clear();
    this.#stream.start(frame.epoch, frame.pos);
    this.#acks.reset(frame.pos);
    this.#playback.start(frame.pos, () => {
      if (shown) this.#sink?.reset(reset);
      this.#resize(frame.cols, frame.rows);
    });
  }

  #snapshot(frame: Snapshot, bytes: Uint8Array): void {
    const { pos } = this.#stream;
    if (frame.pos < pos) return;
    const whole = this.#snapshots.accept(frame, bytes);
    if (!whole) return;
    // Everything that it stands for is on the screen already.
    if (frame.pos === pos && !this.#untouched && this.#playback.idle) return;
    this.#playback.replace(frame.pos, whole.bytes, () => this.#resize(frame.cols, frame.rows));
    for (const event of whole.events) {
      if (event.pos >= this.#told) this.#playback.step(0, () => this.port.event({ ...event, epoch: frame.epoch }));
    }
    // A page that has just come has missed nothing, and the screen is what an interrupt asks for.
    if (frame.skipped > 0 && frame.scope === "full" && !this.#untouched) this.port.skipped(frame.skipped);
    this.#untouched = false;
    this.#told = Math.max(this.#told, frame.pos);
    this.#stream.skipTo(frame.pos);
  }

  #play(item: StreamItem): void {
    this.#untouched = false;
    const news = item.pos >= this.#told;
    if ("bytes" in item) {
      const { pos, bytes } = item;
      const end = pos + bytes.length;
      this.#told = Math.max(this.#told, end);
      return this.#playback.write(bytes, end, () => news && this.port.output(pos, bytes));
    }
    const { pos, event } = item;
    this.#told = Math.max(this.#told, pos + 1);
    const size = event.kind === "size" ? () => this.#resize(event.cols, event.rows) : undefined;
    this.#playback.step(pos + 1, () => news && this.port.event(event), size);
  }

  #follow(repair: boolean): void {
    // The service answers with another snapshot, if it still needs one.
    if (repair) this.#snapshots.asked();
    this.port.send({ type: "follow", epoch: this.epoch, pos: this.#stream.pos, ...(repair && { repair }) });
  }

  #resize(cols: number, rows: number): void {
    this.#sink?.resize(cols, rows);
    this.port.size(cols, rows);
  }
}
