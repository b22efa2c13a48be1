/**
 * A receiver of webhooks for the page `/events`: `EVENTS=true make run` starts it. A program of its own, because the
 * page is made of files alone. It takes what the service signs, keeps the latest in memory, and shows them to the page.
 *
 * Variables: EVENTS_SECRET, as the service has it; EVENTS_PORT; EVENTS_READ_KEY, without which no one reads;
 * EVENTS_ORIGINS, of the page, with commas between them.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

/** Events that are kept. */
const KEPT = 200;
/** Longest body, in bytes: an event has less than 16 KiB. */
const BODY_BYTES = 64 * 1024;
/** Largest age of a signature, in seconds. */
const SIGNATURE_SECONDS = 300;
/** Time for a request, in ms. */
const REQUEST_MS = 10_000;
/** Connections at once: any program of this machine may connect. */
const CONNECTIONS = 64;

const { EVENTS_SECRET = "", EVENTS_PORT = "", EVENTS_READ_KEY = "", EVENTS_ORIGINS = "" } = process.env;
const keys = EVENTS_SECRET.split(",").map((key) => Buffer.from(key.trim().replace(/^whsec_/, ""), "base64"));
if (keys.some((key) => key.length < 24) || EVENTS_READ_KEY.length < 16 || !(Number(EVENTS_PORT) > 0)) {
  process.stderr.write("The receiver needs EVENTS_SECRET, EVENTS_READ_KEY and EVENTS_PORT.\n");
  process.exit(2);
}

/** The latest first. @type {{ id: string, event: unknown }[]} */
const events = [];

/** @type {(given: string, expected: string) => boolean} */
function isSame(given, expected) {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** True for what the service has signed in the last minutes. @type {(id: string, at: string, body: string, signatures: string) => boolean} */
function isGenuine(id, at, body, signatures) {
  const isRecent = Math.abs(Date.now() / 1000 - Number(at)) < SIGNATURE_SECONDS;
  const sign = (/** @type {Buffer} */ key) =>
    `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;
  return isRecent && signatures.split(" ").some((given) => keys.some((key) => isSame(given, sign(key))));
}

/** The body, or nothing of one that is too long. @type {(request: import("node:http").IncomingMessage) => Promise<string | undefined>} */
async function bodyOf(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    // The rest is read, or its sender would not get the answer.
    if (length <= BODY_BYTES) pieces.push(piece);
  }
  if (length > BODY_BYTES) return undefined;
  return Buffer.concat(pieces).toString("utf8");
}

/** Takes an event; returns the status of the answer. @type {(request: import("node:http").IncomingMessage) => Promise<number>} */
async function take(request) {
  const header = (/** @type {string} */ name) => String(request.headers[`webhook-${name}`] ?? "");
  const [id, body] = [header("id"), await bodyOf(request)];
  if (body === undefined) return 413;
  if (!isGenuine(id, header("timestamp"), body, header("signature"))) return 401;
  // An event may come again.
  if (!events.some((known) => known.id === id)) events.unshift({ id, event: JSON.parse(body) });
  events.splice(KEPT);
  return 204;
}

const server = createServer(async (request, response) => {
  const origin = EVENTS_ORIGINS.split(",").find((known) => known === request.headers.origin);
  const cors = origin && { "access-control-allow-origin": origin, "access-control-allow-headers": "authorization" };
  const answer = (/** @type {number} */ status, /** @type {unknown} */ body) => {
    const headers = { ...cors, "cache-control": "no-store", "content-type": "application/json", vary: "origin" };
    response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
  };
  try {
    const [path] = (request.url ?? "").split("?");
    if (path === "/hook" && request.method === "POST") return answer(await take(request), undefined);
    if (path !== "/events") return answer(404, undefined);
    if (request.method === "OPTIONS") return answer(204, undefined);
    const mayRead = isSame(request.headers.authorization ?? "", `Bearer ${EVENTS_READ_KEY}`);
    return mayRead && request.method === "GET" ? answer(200, events) : answer(401, undefined);
  } catch (error) {
    // A request that was cut off.
    process.stderr.write(`The receiver could not answer: ${error instanceof Error ? error.message : error}\n`);
    return answer(400, undefined);
  }
});
server.requestTimeout = REQUEST_MS;
server.maxConnections = CONNECTIONS;
server.listen(Number(EVENTS_PORT), "127.0.0.1");
