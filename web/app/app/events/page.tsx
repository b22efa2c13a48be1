/**
 * The latest events of all sessions, as a platform gets them: `EVENTS=true make run` starts a receiver on this machine,
 * and prints the address of this page with the receiver's port and the key to read there.
 */

"use client";

import { useEffect, useState } from "react";
import { type PlatformEvent, type Receiver, receiverOf, recentEvents } from "./receiver.ts";

/** Time between two requests, in ms. */
const INTERVAL_MS = 1000;

export default function Page() {
  const [receiver, setReceiver] = useState<Receiver | null | undefined>(undefined);
  const [events, setEvents] = useState<readonly PlatformEvent[]>([]);
  const [status, setStatus] = useState("Waiting for the first event…");
  useEffect(() => {
    window.addEventListener("hashchange", () => window.location.reload(), { once: true });
    setReceiver(receiverOf(window.location.hash));
  }, []);
  useEffect(() => {
    if (!receiver) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      try {
        const found = await recentEvents(receiver, stop.signal);
        setEvents(found);
        setStatus(found.length > 0 ? "" : "Waiting for the first event…");
      } catch (error) {
        if (stop.signal.aborted) return;
        setStatus(error instanceof Error ? error.message : String(error));
      }
      timer = setTimeout(look, INTERVAL_MS);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [receiver]);
  if (receiver === undefined) return null;
  return (
    <main className="events">
      <h1>Events</h1>
      {receiver === null ? (
        <p>
          No receiver runs. <code>EVENTS=true make run</code> starts one, and prints the address of this page.
        </p>
      ) : (
        <output>{status}</output>
      )}
      {events.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>Time</th>
              <th>Event</th>
              <th>Session</th>
              <th>User</th>
              <th>What</th>
            </tr>
          </thead>
          <tbody>
            {events.map(({ id, at, type, session, user, what }) => (
              <tr key={id}>
                <td>
                  <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString()}</time>
                </td>
                <th scope="row">{type}</th>
                <td>
                  <bdi>{session}</bdi>
                </td>
                <td>
                  <bdi>{user}</bdi>
                </td>
                <td>
                  <bdi>{what}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </main>
  );
}
