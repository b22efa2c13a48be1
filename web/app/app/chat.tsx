/**
 * What people in the session say to each other.
 */

"use client";

import { type FormEvent, useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../../src/index.ts";
import { IconButton } from "./icons.tsx";

/** The last so many messages are kept. */
const KEPT = 200;

interface Line {
  at: number;
  from: string;
  message: string;
}

/** The chat of one session. */
export interface ChatState {
  lines: readonly Line[];
  open: boolean;
  unread: number;
  toggle(): void;
  send(message: string): boolean;
}

export function useChat(client: TerminalClient): ChatState {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [open, setOpen] = useState(false);
  const [read, setRead] = useState(0);
  const [heard, setHeard] = useState(0);
  useEffect(
    () =>
      client.onMessage((message) => {
        if (message.type !== "event" || message.kind !== "chat") return;
        const line = { at: Date.now(), from: message.from, message: message.message };
        setLines((lines) => [...lines, line].slice(-KEPT));
        setHeard((heard) => heard + 1);
      }),
    [client],
  );
  useEffect(() => {
    if (open) setRead(heard);
  }, [open, heard]);
  const toggle = () => setOpen(!open);
  return { lines, open, unread: open ? 0 : heard - read, toggle, send: (message) => client.chat(message) };
}

export function Chat({ chat, onClose }: { chat: ChatState; onClose: () => void }) {
  const [text, setText] = useState("");
  const log = useRef<HTMLDivElement>(null);
  const { lines, send } = chat;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line is what makes it scroll
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [lines]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (send(text)) setText("");
  };
  return (
    <aside className="chat" aria-label="Chat" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <header>
        <h2>Chat</h2>
        <IconButton icon="close" title="Close the chat" onClick={onClose} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so without a mouse */}
      <div className="chat-log" role="log" aria-label="Messages" ref={log} tabIndex={0}>
        {lines.length === 0 && <p className="empty">Nobody has said anything yet.</p>}
        {lines.map((line) => (
          <p key={`${line.at}-${line.from}-${line.message}`}>
            <b>{line.from}</b> <time>{new Date(line.at).toLocaleTimeString([], { timeStyle: "short" })}</time>
            <br />
            {line.message}
          </p>
        ))}
      </div>
      <form onSubmit={submit} className="row">
        <input
          type="text"
          aria-label="Message"
          placeholder="Message to everyone here"
          value={text}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
          // biome-ignore lint/a11y/noAutofocus: whoever opens the chat wants to write
          autoFocus
        />
        <button type="submit" className="primary">
          Send
        </button>
      </form>
    </aside>
  );
}
