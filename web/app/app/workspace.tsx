/**
 * The tabs and their terminals. A tab that was shown once stays mounted, so that its terminal stays connected.
 */

"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { type TerminalClient, useThemeName } from "../../src/index.ts";
import type { Access, SessionProvider } from "./access.ts";
import { CloseDialog } from "./close-dialog.tsx";
import { Pane } from "./pane.tsx";
import { usePreferences } from "./preferences.ts";
import { Settings } from "./settings.tsx";
import { TabBar } from "./tab-bar.tsx";
import type { TabTitle } from "./tab-title.ts";
import { closed, opened, remember, reopened, replaced, type Tabs } from "./tabs.ts";
import { type Leaving, UndoClose, useLeaving } from "./undo-close.tsx";
import { useVisibleHeight } from "./visible-height.ts";

export function Workspace({ provider, initial }: { provider: SessionProvider; initial: Tabs }) {
  const [tabs, setTabs] = useState(initial);
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set([initial.shown]));
  const [titles, setTitles] = useState<Record<string, TabTitle>>({});
  /** The session to which the question belongs whether it may be closed. */
  const [closing, setClosing] = useState<string | null>(null);
  const clients = useRef(new Map<string, TerminalClient>());
  const [preferences, change] = usePreferences();
  const themeName = useThemeName(preferences.theme);
  const { open, shown } = tabs;

  useVisibleHeight();
  useEffect(() => remember(tabs), [tabs]);
  useEffect(() => setSeen((seen) => (seen.has(shown) ? seen : new Set([...seen, shown]))), [shown]);
  useEffect(() => {
    document.documentElement.dataset.theme = themeName;
  }, [themeName]);
  useEffect(() => {
    const { title, sign } = titles[shown] ?? { title: "", sign: "" };
    document.title = [sign && `(${sign})`, title, title && "–", "Termgate"].filter((part) => part !== "").join(" ");
  }, [titles, shown]);

  // Its shell would be unreachable.
  const end = useCallback((sessionId: string) => {
    clients.current.get(sessionId)?.close();
    clients.current.delete(sessionId);
  }, []);
  const { leaving, leave, finish, forget } = useLeaving(end);
  // Where the user is in that one.
  const newAccess = useCallback(
    async (sessionId: string): Promise<Access> => {
      const directory = clients.current.get(sessionId)?.state.directory;
      return { ...(await provider.open(null)), ...(directory && { directory }) };
    },
    [provider],
  );
  const openNew = useCallback(async () => {
    const access = await newAccess(shown);
    setTabs((tabs) => opened(tabs, access));
  }, [newAccess, shown]);
  const openAnother = () => {
    // A user has a limit of sessions.
    finish();
    void openNew();
  };
  const show = useCallback((sessionId: string) => setTabs((tabs) => ({ ...tabs, shown: sessionId })), []);
  const close = (sessionId: string) => {
    if (clients.current.get(sessionId)?.busy) setClosing(sessionId);
    else closeNow(sessionId);
  };
  const closeNow = (sessionId: string) => {
    const at = open.findIndex((access) => access.sessionId === sessionId);
    const access = open[at];
    if (!access) return;
    // The session of a tab that was never shown has not started here.
    if (clients.current.has(sessionId)) leave({ access, at, name: names[at]?.name ?? "" });
    setTabs((tabs) => closed(tabs, sessionId));
    if (open.length === 1) openNew();
  };
  const undo = ({ access, at }: Leaving) => {
    forget();
    setTabs((tabs) => reopened(tabs, access, at));
  };
  const renew = useCallback(
    async ({ sessionId }: Access) => {
      const access = await newAccess(sessionId);
      setTabs((tabs) => replaced(tabs, sessionId, access));
    },
    [newAccess],
  );
  const onClient = useCallback((sessionId: string, client: TerminalClient) => {
    clients.current.set(sessionId, client);
  }, []);
  const onTitle = useCallback((sessionId: string, title: TabTitle) => {
    setTitles((titles) => ({ ...titles, [sessionId]: title }));
  }, []);

  // Numbered, because shells have similar titles, and a narrow tab shows only the beginning.
  const names = open.map(({ sessionId }, at) => {
    const title = titles[sessionId]?.title || "Terminal";
    return {
      sessionId,
      name: open.length > 1 ? `${at + 1}: ${title}` : title,
      sign: titles[sessionId]?.sign ?? "",
    };
  });
  return (
    <div className="workspace">
      <header className="bar">
        <h1 className="unseen">Termgate</h1>
        <TabBar
          tabs={names}
          shown={shown}
          onShow={show}
          {...(provider.multiple && { onClose: close, onNew: openAnother })}
        />
        <Settings preferences={preferences} onChange={change} />
      </header>
      <main className="panes">
        {(leaving ? [...open, leaving.access] : open).map((access) => (
          <div
            key={access.sessionId}
            id={`panel-${access.sessionId}`}
            role="tabpanel"
            aria-labelledby={`tab-${access.sessionId}`}
            className="panel"
            hidden={access.sessionId !== shown}
          >
            {(access.sessionId === shown || seen.has(access.sessionId)) && (
              <Pane
                access={access}
                shown={access.sessionId === shown}
                preferences={preferences}
                onFontSize={(fontSize) => change({ fontSize })}
                onTitle={onTitle}
                onClient={onClient}
                {...(provider.multiple && { onRenew: renew })}
              />
            )}
          </div>
        ))}
      </main>
      <UndoClose leaving={leaving} onUndo={() => leaving && undo(leaving)} />
      {closing !== null && (
        <CloseDialog
          name={names.find(({ sessionId }) => sessionId === closing)?.name ?? ""}
          onAnswer={(yes) => {
            setClosing(null);
            if (yes) closeNow(closing);
          }}
        />
      )}
    </div>
  );
}
