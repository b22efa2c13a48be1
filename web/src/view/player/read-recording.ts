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
/** The longest frame, in ms. */
const LONGEST_FRAME_MS = 1000;
/** Marks that are kept, from the first: as many as commands of a session are. */
export const MAX_MARKS = 1000;

/** Reads the pieces of a file. Waits for `turn` behind each slice. */
export async function readRecording(file: ReadableStream<string>, turn: () => Promise<void>): Promise<Recording> {
  const lines = new RecordingReader();
  const pieces = file.getReader();
  for (let next = await pieces.read(); !next.done; next = await pieces.read()) {
    for (let at = 0; at < next.value.length; at += SLICE) {
      lines.add(next.value.slice(at, at + SLICE));
      await turn();
    }
  }
  return lines.end();
}

/** Builds a recording from the pieces of its file. */
export class RecordingReader {
  /** A line without its end, in pieces. */
  #open: string[] = [];
  /** The first line; null before it is read. */
  #header: unknown = null;
  /** Time of the last event, in ms. */
  #time = 0;
  /** Time in which outputs become one, in ms. */
  #frame = FRAME_MS;
  #events: RecordedEvent[] = [];
  /** Output of a frame that has not ended. */
  #frameOutput: string[] = [];
  /** Marks so far. */
  #marks = 0;
  readonly #plain = new PlainText();
  /** The text so far, in pieces. */
  readonly #text: string[] = [];
  /** Its length. */
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
    this.#read(this.#open.join(""));
    this.#endFrame();
    return new Recording(this.#header, this.#events, this.#text.join(""));
  }

  #read(lines: string): void {
    let events = lines;
    if (this.#header === null) {
      const end = lines.indexOf("\n");
      this.#header = parse(end < 0 ? lines : lines.slice(0, end));
      events = end < 0 ? "" : lines.slice(end + 1);
    }
    // Three times as quick as line by line, which remains for a slice with an invalid line.
    const found = parse(`[${events.replaceAll("\n", ",")}]`) ?? events.split("\n").map(parse);
    for (const event of Array.isArray(found) ? found : []) this.#take(event);
  }

  #take(event: unknown): void {
    if (!Array.isArray(event)) return;
    const [interval, code, data]: unknown[] = event;
    if (typeof interval !== "number" || typeof code !== "string" || typeof data !== "string") return;
    this.#time += interval * 1000;
    // Keys are not played.
    if (code === "i" || (code === "m" && this.#marks >= MAX_MARKS)) return;
    if (code === "m") this.#marks += 1;
    const first = this.#events.at(-1);
    if (code !== "o" || this.#frameOutput.length === 0 || !first || this.#time - first.time >= this.#frame) {
      this.#endFrame();
      this.#events.push({ time: this.#time, code, data: code === "o" ? "" : data, begin: this.#length });
    }
    if (code !== "o") return;
    this.#frameOutput.push(data);
    const text = this.#plain.next(data);
    this.#text.push(text);
    this.#length += text.length;
  }

  #endFrame(): void {
    const event = this.#events.at(-1);
    if (!event || this.#frameOutput.length === 0) return;
    event.data = this.#frameOutput.join("");
    this.#frameOutput = [];
    if (this.#events.length < MANY_EVENTS || this.#frame >= LONGEST_FRAME_MS) return;
    this.#frame *= 2;
    this.#events = merged(this.#events, this.#frame);
  }
}

/** The events, with each frame's outputs as one. */
function merged(events: readonly RecordedEvent[], frame: number): RecordedEvent[] {
  const all: RecordedEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (event.code === "o" && last?.code === "o" && event.time - last.time < frame) last.data += event.data;
    else all.push(event);
  }
  return all;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
