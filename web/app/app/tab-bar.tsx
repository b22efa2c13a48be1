/**
 * The tab bar, with the usual keys.
 */

"use client";

import { type KeyboardEvent, useEffect, useRef } from "react";
import { IconButton } from "./icons.tsx";

interface TabBarProps {
  tabs: ReadonlyArray<{ sessionId: string; name: string; sign: string }>;
  shown: string;
  onShow: (sessionId: string) => void;
  /** Absent if the page may show one session only. */
  onClose?: (sessionId: string) => void;
  onNew?: () => void;
}

export function TabBar({ tabs, shown, onShow, onClose, onNew }: TabBarProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector(`#tab-${CSS.escape(shown)}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
    if (event.key === "Delete") onClose?.(tabs[at]?.sessionId ?? "");
    if (!next) return;
    event.preventDefault();
    // Only Enter shows the tab, because the terminal then takes the focus.
    list.current?.querySelector<HTMLElement>(`#tab-${CSS.escape(next.sessionId)}`)?.focus();
  };
  return (
    <div className="tabs">
      <div className="tab-list" role="tablist" aria-label="Terminals" ref={list}>
        {tabs.map(({ sessionId, name, sign }, at) => (
          <button
            key={sessionId}
            type="button"
            role="tab"
            id={`tab-${sessionId}`}
            className="tab"
            aria-selected={sessionId === shown}
            aria-controls={`panel-${sessionId}`}
            tabIndex={sessionId === shown ? 0 : -1}
            title={`${name}${sign && `: ${sign}`} (session ${sessionId})`}
            onClick={() => onShow(sessionId)}
            onAuxClick={(event) => event.button === 1 && onClose?.(sessionId)}
            onKeyDown={(event) => onKeyDown(event, at)}
          >
            {sign && <span className="sign">{sign}</span>}
            <span>{name}</span>
          </button>
        ))}
      </div>
      {onClose && tabs.length > 1 && (
        <IconButton icon="close" title="Close this terminal" onClick={() => onClose(shown)} />
      )}
      {onNew && <IconButton icon="plus" title="New terminal" onClick={onNew} />}
    </div>
  );
}
