/**
 * Reads one WebSocket message into a closed union, once, at the edge: what passes here has the fields that the client
 * calculates with. Anything else is `undefined` and changes nothing.
 */

import type { ServerFrame } from "./generated.ts";

/** A failure of API Gateway itself, which it posts to the browser as an ordinary message without a type. */
export interface GatewayFault {
  type: "gateway_fault";
  message: string;
  requestId?: string;
}

/** Fields that must be safe integers, by type of frame. */
const NUMBERS: Record<ServerFrame["type"], readonly string[]> = {
  attached: ["epoch", "pos", "inputSeq", "cols", "rows", "followMs"],
  output: ["epoch", "pos", "len"],
  event: ["epoch", "pos"],
  snapshot: ["epoch", "pos", "id", "part", "parts", "cols", "rows", "skipped"],
  pong: ["timestamp"],
  echo: ["timestamp"],
  input_ack: ["epoch"],
  error: [],
  unknown_command: [],
  command_result: ["exitCode", "timestamp"],
  command_started: ["timestamp"],
  resize_ack: ["timestamp"],
};

/** Fields that must be strings, by type of frame. */
const STRINGS: Partial<Record<ServerFrame["type"], readonly string[]>> = {
  attached: ["sessionId", "client", "role"],
  event: ["kind"],
  snapshot: ["scope"],
  error: ["code", "message"],
  unknown_command: ["received"],
  command_result: ["result"],
};

/** One frame of the service, or a failure of the gateway; `undefined` when it is neither. */
export function readFrame(message: unknown): ServerFrame | GatewayFault | undefined {
  if (typeof message !== "string") return undefined;
  const frame = parse(message);
  if (!frame) return undefined;
  if (frame.type === undefined) return gatewayFault(frame);
  if (typeof frame.type !== "string" || !Object.hasOwn(NUMBERS, frame.type)) return undefined;
  const type = frame.type as ServerFrame["type"];
  const whole = (field: string) => Number.isSafeInteger(frame[field]) && (frame[field] as number) >= 0;
  const good =
    NUMBERS[type].every((field) => (field === "exitCode" ? Number.isSafeInteger(frame[field]) : whole(field))) &&
    (STRINGS[type] ?? []).every((field) => typeof frame[field] === "string") &&
    (frame.head === undefined || whole("head")) &&
    (frame.ackSeq === undefined || whole("ackSeq")) &&
    (frame.epoch === undefined || whole("epoch")) &&
    (frame.have === undefined || whole("have")) &&
    (frame.gatewayMs === undefined || whole("gatewayMs")) &&
    (frame.serviceMs === undefined || whole("serviceMs")) &&
    (frame.endsAt === undefined || whole("endsAt")) &&
    (type !== "attached" || (isObject(frame.limits) && isObject(frame.tty))) &&
    ((type !== "output" && type !== "snapshot") || hasPayload(frame)) &&
    (type !== "snapshot" || hasEvents(frame));
  return good ? (frame as unknown as ServerFrame) : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function gatewayFault(frame: Record<string, unknown>): GatewayFault | undefined {
  if (typeof frame.message !== "string") return undefined;
  const fault: GatewayFault = { type: "gateway_fault", message: frame.message };
  if (typeof frame.requestId === "string") fault.requestId = frame.requestId;
  return fault;
}

function hasPayload(frame: Record<string, unknown>): boolean {
  return typeof frame.data === "string" || typeof frame.b64 === "string" || typeof frame.z === "string";
}

function hasEvents({ events }: Record<string, unknown>): boolean {
  const placed = (event: unknown) =>
    isObject(event) && typeof event.kind === "string" && Number.isSafeInteger(event.pos) && (event.pos as number) >= 0;
  return events === undefined || (Array.isArray(events) && events.every(placed));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
