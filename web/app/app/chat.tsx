/**
 * The chat of everyone in a session.
 */

"use client";

import { type FormEvent, useEffect, useRef, useState } from "react";
import type { TerminalClient } from "../../src/index.ts";
import { IconButton } from "./icons.tsx";

const MAX_MESSAGES = 200;

interface ChatMessage {
  at: number;
  from: string;
  message: string;
}

export interface ChatState {
  messages: readonly ChatMessage[];
  open: boolean;
  unread: number;
  toggle(): void;
  send(message: string): boolean;
}

export function useChat(client: TerminalClient): ChatState {
  const [messages, setLines] = useState<readonly ChatMessage[]>([]);
  const [open, setOpen] = useState(false);
  const [read, setRead] = useState(0);
  const [received, setReceived] = useState(0);
  useEffect(
    () =>
      client.onMessage((message) => {
        if (message.type !== "event" || message.kind !== "chat") return;
        const entry = { at: Date.now(), from: message.name ?? message.from, message: message.message };
        setLines((messages) => [...messages, entry].slice(-MAX_MESSAGES));
        setReceived((received) => received + 1);
      }),
    [client],
  );
  useEffect(() => {
    if (open) setRead(received);
  }, [open, received]);
  const toggle = () => setOpen(!open);
  return { messages, open, unread: open ? 0 : received - read, toggle, send: (message) => client.chat(message) };
}

export function Chat({ chat, onClose }: { chat: ChatState; onClose: () => void }) {
  const [text, setText] = useState("");
  const log = useRef<HTMLDivElement>(null);
  const { messages, send } = chat;
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls on every message
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [messages]);
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
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard */}
      <div className="chat-log" role="log" aria-label="Messages" ref={log} tabIndex={0}>
        {messages.length === 0 && <p className="empty">No messages yet.</p>}
        {messages.map((entry) => (
          <p key={`${entry.at}-${entry.from}-${entry.message}`}>
            <b>{entry.from}</b> <time>{new Date(entry.at).toLocaleTimeString([], { timeStyle: "short" })}</time>
            <br />
            {entry.message}
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
          // biome-ignore lint/a11y/noAutofocus: a user who opens the chat wants to write
          autoFocus
        />
        <button type="submit" className="primary">
          Send
        </button>
      </form>
    </aside>
  );
}
