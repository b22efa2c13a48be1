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
  const { theme, fontSize, copyOnSelect, screenReader, marksCommands, titleIsDirectory, macOptionIsMeta } = preferences;
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
          <Toggle
            label="Copy on select"
            checked={copyOnSelect}
            onChange={(copyOnSelect) => onChange({ copyOnSelect })}
          />
          <Toggle
            label="Screen reader"
            checked={screenReader}
            onChange={(screenReader) => onChange({ screenReader })}
          />
          <Toggle
            label="Mark commands, from the next load on"
            checked={marksCommands}
            onChange={(marksCommands) => onChange({ marksCommands })}
          />
          <Toggle
            label="Directory as the tab's title"
            checked={titleIsDirectory}
            onChange={(titleIsDirectory) => onChange({ titleIsDirectory })}
          />
          {navigator.platform.startsWith("Mac") && (
            <Toggle
              label="Option is Meta"
              checked={macOptionIsMeta}
              onChange={(macOptionIsMeta) => onChange({ macOptionIsMeta })}
            />
          )}
        </div>
      )}
    </Popover>
  );
}

interface ToggleProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

function Toggle({ label, checked, onChange }: ToggleProps) {
  return (
    <label>
      <span>{label}</span>
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
    </label>
  );
}
