/**
 * Reads an asciicast v3 in slices, between which a page can answer. Output within one frame becomes one event.
 */

import { PlainText } from "./plain-text.ts";
import { type RecordedEvent, Recording } from "./recording.ts";

/** Characters that are read at a time: some ms of work, and at most some thousand events. */
export const SLICE = 128 * 1024;
/** Time of a frame, in ms: output within it appears at once. */
export const FRAME_MS = 1000 / 60;
/** Events up to which a frame is that short: an hour of output without a pause. */
export const MANY_EVENTS = 240_000;
/** Events after which it is twice as long, beyond that: six times, until it has its longest. */
const MORE_EVENTS = MANY_EVENTS / 6;
/** The longest frame, in ms. */
const LONGEST_FRAME_MS = 1000;
/** Marks that are kept, from the first: as many as commands of a session are. */
export const MAX_MARKS = 1000;

/** Reads the pieces of a file. Shows the recording behind each slice, the last time when it is whole, and waits for `turn`. */
export async function readRecording(
  file: ReadableStream<string>,
  turn: () => Promise<void>,
  show: (recording: Recording) => void,
): Promise<void> {
  const lines = new RecordingReader();
  const pieces = file.getReader();
  for (let next = await pieces.read(); !next.done; next = await pieces.read()) {
    for (let at = 0; at < next.value.length; at += SLICE) {
      lines.add(next.value.slice(at, at + SLICE));
      if (lines.recording) show(lines.recording);
      await turn();
    }
  }
  show(lines.end());
}

/** Builds a recording from the pieces of its file. */
export class RecordingReader {
  /** A line without its end, in pieces. */
  #open: string[] = [];
  /** As far as it was read; null before its first line. */
  recording: Recording | null = null;
  /** Time of the last event, in ms. */
  #time = 0;
  /** Time in which outputs become one, in ms. */
  #frame = FRAME_MS;
  /** Output of a frame that has not ended. */
  #output: RecordedEvent | null = null;
  /** Its text, in pieces. */
  #frameOutput: string[] = [];
  /** Marks so far. */
  #marks = 0;
  readonly #plain = new PlainText();
  /** Length of the text so far. */
  #length = 0;

  /** Takes the next piece. */
  add(piece: string): void {
    const end = piece.lastIndexOf("\n");
    this.#open.push(end < 0 ? piece : piece.slice(0, end));
    if (end < 0) return;
    const lines = this.#open.join("");
    this.#open = [piece.slice(end + 1)];
    this.#read(lines);
  }

  /** The recording, once it has its last piece. A last line that is cut is left out. */
  end(): Recording {
    const recording = this.#read(this.#open.join(""));
    this.#endFrame(recording);
    recording.end();
    return recording;
  }

  #read(lines: string): Recording {
    let events = lines;
    if (this.recording === null) {
      const end = lines.indexOf("\n");
      this.recording = new Recording(parse(end < 0 ? lines : lines.slice(0, end)));
      events = end < 0 ? "" : lines.slice(end + 1);
    }
    // Three times as quick as line by line, which remains for a slice with an invalid line.
    const found = parse(`[${events.replaceAll("\n", ",")}]`) ?? events.split("\n").map(parse);
    for (const event of Array.isArray(found) ? found : []) this.#take(event, this.recording);
    return this.recording;
  }

  #take(event: unknown, recording: Recording): void {
    if (!Array.isArray(event)) return;
    const [interval, code, data]: unknown[] = event;
    if (typeof interval !== "number" || typeof code !== "string" || typeof data !== "string") return;
    this.#time += interval * 1000;
    // Keys are not played.
    if (code === "i" || (code === "m" && this.#marks >= MAX_MARKS)) return;
    if (code === "m") this.#marks += 1;
    const taken = { time: this.#time, code, data, begin: this.#length };
    if (code !== "o") {
      this.#endFrame(recording);
      recording.add(taken);
      return;
    }
    if (this.#output === null || this.#time - this.#output.time >= this.#frame) {
      this.#endFrame(recording);
      this.#output = taken;
    }
    this.#frameOutput.push(data);
    const text = this.#plain.next(data);
    recording.print(text);
    this.#length += text.length;
  }

  /** Adds the output of a frame, to which nothing is added any more. */
  #endFrame(recording: Recording): void {
    if (this.#output === null) return;
    recording.add({ ...this.#output, data: this.#frameOutput.join("") });
    [this.#output, this.#frameOutput] = [null, []];
    // Only for the rest: the part that was read may be playing.
    const beyond = Math.max(Math.ceil((recording.events.length - MANY_EVENTS) / MORE_EVENTS), 0);
    this.#frame = Math.min(FRAME_MS * 2 ** beyond, LONGEST_FRAME_MS);
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
