/**
 * The README's example of a receiver of webhooks.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { currentUser } from "@/auth"; // yours

/** The latest first, in the memory of one process: keep yours in a database. */
const events: { id: string; event: unknown }[] = [];

export async function POST(request: Request): Promise<Response> {
  const header = (name: string) => request.headers.get(`webhook-${name}`) ?? "";
  const [id, at, body] = [header("id"), header("timestamp"), await request.text()];
  // The same as the service has.
  const key = Buffer.from(process.env.EVENTS_SECRET?.replace("whsec_", "") ?? "", "base64");
  if (key.length < 24) return new Response(null, { status: 500 });
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`);
  const isGenuine = header("signature")
    .split(" ")
    .map((given) => Buffer.from(given))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
  const isRecent = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  if (!isGenuine || !isRecent) return new Response(null, { status: 401 });
  // An event may come again.
  if (!events.some((known) => known.id === id)) events.unshift({ id, event: JSON.parse(body) });
  events.splice(100);
  return new Response(null, { status: 204 });
}

export async function GET(request: Request): Promise<Response> {
  const user = await currentUser(request);
  return user ? Response.json(events) : Response.json({ error: "Sign in first." }, { status: 401 });
}
