/**
 * A wall client's state as React state, and which tiles are in view.
 */

"use client";

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { WallClient, type WallOptions, type WallState } from "../../core/index.ts";

const NONE: WallState = { status: "connecting", problem: "", version: 0 };

/** A connected client; another one when `url` changes. */
export function useWallClient(options: WallOptions): WallClient {
  const latest = useRef(options);
  latest.current = options;
  const client = useMemo(() => new WallClient({ ...latest.current, url: options.url }), [options.url]);
  useEffect(() => {
    client.connect();
    return () => client.disconnect();
  }, [client]);
  return client;
}

export function useWallState(client: WallClient): WallState {
  return useSyncExternalStore(
    useCallback((changed) => client.subscribe(changed), [client]),
    () => client.state,
    () => NONE,
  );
}

/** The time, in ms since 1970, every second. */
export function useSeconds(): number {
  const [now, setNow] = useState(() => (typeof window === "undefined" ? 0 : Date.now()));
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Tells the client which tiles are in view, and returns the function that watches one. */
export function useVisibleTiles(client: WallClient): (element: Element, id: string) => () => void {
  const ids = useRef(new Map<Element, string>());
  const visible = useRef(new Set<string>());
  const observer = useRef<IntersectionObserver | null>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        const id = ids.current.get(target);
        if (id === undefined) continue;
        if (isIntersecting) visible.current.add(id);
        else visible.current.delete(id);
      }
      client.setVisible([...visible.current].sort());
    });
    observer.current = watcher;
    for (const element of ids.current.keys()) watcher.observe(element);
    return () => watcher.disconnect();
  }, [client]);
  return useCallback((element, id) => {
    ids.current.set(element, id);
    observer.current?.observe(element);
    return () => {
      observer.current?.unobserve(element);
      ids.current.delete(element);
      visible.current.delete(id);
    };
  }, []);
}
