/**
 * One session: its terminal, toolbar and chat.
 */

"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { type TermgateHandle, TermgateTerminal, type TerminalClient, useTerminalApiGateway } from "../../src/index.ts";
import type { Access } from "./access.ts";
import { Chat, useChat } from "./chat.tsx";
import { IconButton } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import type { Preferences } from "./preferences.ts";
import { ShareDialog } from "./share-dialog.tsx";
import { signOf, type TabTitle } from "./tab-title.ts";
import { findTimes } from "./times.ts";

/** The shown terminal, for browser tests and debugging. */
declare global {
  interface Window {
    termgate?: { terminal: TermgateHandle["terminal"] | null; client: TerminalClient; handle: TermgateHandle | null };
  }
}

interface PaneProps {
  access: Access;
  shown: boolean;
  preferences: Preferences;
  onFontSize: (pixels: number) => void;
  onTitle: (sessionId: string, title: TabTitle) => void;
  onClient: (sessionId: string, client: TerminalClient) => void;
  /** Replaces it by a new session. */
  onRenew?: (access: Access) => void;
}

export function Pane({ access, shown, preferences, onFontSize, onTitle, onClient, onRenew }: PaneProps) {
  const { sessionId, share, removals } = access;
  const { client, terminal } = useTerminalApiGateway({ ...access, times: useRef(findTimes()).current });
  const [handle, setHandle] = useState<TermgateHandle | null>(null);
  const [sharing, setSharing] = useState(false);
  const chat = useChat(client);

  useEffect(() => {
    if (!shown) return;
    window.termgate = { terminal: handle?.terminal ?? null, client, handle };
    handle?.focus();
  }, [shown, handle, client]);
  useEffect(() => onClient(sessionId, client), [onClient, sessionId, client]);
  const { titleIsDirectory, ...looks } = preferences;
  const title = (titleIsDirectory && terminal.directory) || terminal.title;
  const sign = signOf(terminal);
  useEffect(() => onTitle(sessionId, { title, sign }), [onTitle, sessionId, title, sign]);

  // As Vite has it, for a server that adds one.
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
  const fileName = `${sessionId}.txt`;
  const closeShare = useCallback(() => {
    setSharing(false);
    handle?.focus();
  }, [handle]);
  const closeChat = () => {
    chat.toggle();
    handle?.focus();
  };
  const whenEnded = onRenew && (
    <button type="button" onClick={() => onRenew(access)}>
      New session
    </button>
  );
  return (
    <div className="pane">
      <TermgateTerminal
        {...looks}
        {...{ client, onFontSize, whenEnded, nonce, images: !nonce }}
        raisesHand={access.inClass === true}
        onReady={setHandle}
      >
        {share && terminal.role === "controller" && (
          <IconButton icon="share" title="Share a read-only link" onClick={() => setSharing(true)} />
        )}
        <IconButton
          icon="chat"
          title="Chat"
          aria-label={chat.unread > 0 ? `Chat, ${chat.unread} new` : "Chat"}
          aria-pressed={chat.open}
          onClick={chat.toggle}
        >
          {chat.unread > 0 && <span className="unread">{chat.unread}</span>}
        </IconButton>
        <Popover label="More" icon="more" className="up">
          {(close) => {
            const item = (name: string, keys: string, act: () => void) => (
              <button
                type="button"
                className="item"
                onClick={() => {
                  close();
                  act();
                }}
              >
                <span>{name}</span>
                <kbd>{keys}</kbd>
              </button>
            );
            return (
              <div className="menu">
                {item("Find", "Ctrl-Shift-F", () => handle?.search())}
                {item("Copy all", "", () => handle?.copyAll())}
                {item("Download as text", "", () => handle?.download(fileName))}
                {item("Clear scrollback", "", () => handle?.clear())}
                {item("Upload files", "", () => handle?.upload())}
              </div>
            );
          }}
        </Popover>
      </TermgateTerminal>
      {chat.open && <Chat chat={chat} onClose={closeChat} />}
      {sharing && share && <ShareDialog makeLink={share} removals={removals} onClose={closeShare} />}
    </div>
  );
}
