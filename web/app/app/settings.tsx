/**
 * The form for the preferences.
 */

"use client";

import { Popover } from "./popover.tsx";
import type { Preferences } from "./preferences.ts";

interface SettingsProps {
  preferences: Preferences;
  onChange: (change: Partial<Preferences>) => void;
}

export function Settings({ preferences, onChange }: SettingsProps) {
  const { theme, fontSize, copyOnSelect, screenReader, macOptionIsMeta } = preferences;
  return (
    <Popover label="Settings" icon="settings">
      {() => (
        <div className="form">
          <label>
            <span>Theme</span>
            <select value={theme} onChange={(event) => onChange({ theme: event.target.value as Preferences["theme"] })}>
              <option value="system">As the system</option>
              <option value="dark">Dark</option>
              <option value="light">Light</option>
              <option value="contrast">High contrast</option>
            </select>
          </label>
          <label>
            <span>Font size</span>
            <input
              type="number"
              min={6}
              max={40}
              value={fontSize}
              onChange={(event) => onChange({ fontSize: event.target.valueAsNumber || 14 })}
            />
          </label>
          <label>
            <span>Copy on select</span>
            <input
              type="checkbox"
              checked={copyOnSelect}
              onChange={(event) => onChange({ copyOnSelect: event.target.checked })}
            />
          </label>
          <label>
            <span>Screen reader</span>
            <input
              type="checkbox"
              checked={screenReader}
              onChange={(event) => onChange({ screenReader: event.target.checked })}
            />
          </label>
          {navigator.platform.startsWith("Mac") && (
            <label>
              <span>Option is Meta</span>
              <input
                type="checkbox"
                checked={macOptionIsMeta}
                onChange={(event) => onChange({ macOptionIsMeta: event.target.checked })}
              />
            </label>
          )}
        </div>
      )}
    </Popover>
  );
}
