/**
 * Parses one WebSocket message into a closed union, at the edge: an accepted frame has the fields that the client
 * calculates with.
 */

import type { ServerFrame } from "./generated.ts";

/** A failure of API Gateway itself, which it posts to the browser as a message without a type. */
export interface GatewayFault {
  type: "gateway_fault";
  message: string;
  requestId?: string;
}

/** Required fields that must be safe integers, by type of frame. */
const NUMBERS: Record<ServerFrame["type"], readonly string[]> = {
  attached: ["epoch", "pos", "inputSeq", "cols", "rows", "followMs"],
  output: ["epoch", "pos", "len"],
  event: ["epoch", "pos"],
  snapshot: ["epoch", "pos", "id", "part", "parts", "cols", "rows", "skipped"],
  pong: ["timestamp"],
  echo: ["timestamp"],
  input_ack: ["epoch"],
  renew: ["epoch"],
  carried: ["epoch", "carryMs"],
  wall: ["v", "part", "parts"],
  announced: ["reached", "missed"],
  transfer: ["next"],
  file_part: ["at"],
  stored: ["bytes"],
  transfer_failed: [],
  error: [],
  unknown_command: [],
  command_result: ["exitCode", "timestamp"],
  command_started: ["timestamp"],
  resize_ack: ["timestamp"],
  chat_message: ["timestamp"],
};

/** Required fields that must be strings, by type of frame. */
const STRINGS: Partial<Record<ServerFrame["type"], readonly string[]>> = {
  attached: ["sessionId", "client", "role"],
  event: ["kind"],
  snapshot: ["scope"],
  file_part: ["b64"],
  transfer_failed: ["message"],
  error: ["code", "message"],
  unknown_command: ["received"],
  command_result: ["result"],
  chat_message: ["from", "message"],
};

/** Fields of any frame that must be non-negative integers where present. */
const OPTIONAL_NUMBERS = ["head", "ackSeq", "epoch", "have", "gatewayMs", "serviceMs", "endsAt"];

/** Returns a frame of the service or a failure of the gateway; `undefined` for anything else. */
export function readFrame(message: unknown): ServerFrame | GatewayFault | undefined {
  if (typeof message !== "string") return undefined;
  const frame = parse(message);
  if (!frame) return undefined;
  if (frame.type === undefined) return gatewayFault(frame);
  if (typeof frame.type !== "string" || !Object.hasOwn(NUMBERS, frame.type)) return undefined;
  const type = frame.type as ServerFrame["type"];
  const valid =
    NUMBERS[type].every((field) =>
      field === "exitCode" ? Number.isSafeInteger(frame[field]) : isCount(frame[field]),
    ) &&
    (STRINGS[type] ?? []).every((field) => typeof frame[field] === "string") &&
    OPTIONAL_NUMBERS.every((field) => frame[field] === undefined || isCount(frame[field])) &&
    (type !== "attached" || (isObject(frame.limits) && isObject(frame.tty))) &&
    ((type !== "output" && type !== "snapshot") || hasPayload(frame)) &&
    (type !== "snapshot" || hasEvents(frame));
  return valid ? (frame as unknown as ServerFrame) : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function gatewayFault({ message, requestId }: Record<string, unknown>): GatewayFault | undefined {
  if (typeof message !== "string") return undefined;
  return { type: "gateway_fault", message, ...(typeof requestId === "string" && { requestId }) };
}

function hasPayload(frame: Record<string, unknown>): boolean {
  return [frame.data, frame.b64, frame.z].some((payload) => typeof payload === "string");
}

function hasEvents({ events }: Record<string, unknown>): boolean {
  const placed = (event: unknown) => isObject(event) && typeof event.kind === "string" && isCount(event.pos);
  return events === undefined || (Array.isArray(events) && events.every(placed));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
