/**
 * A button of the status line with a panel above it, for what most people need not read.
 */

"use client";

import { type ReactNode, useId, useState } from "react";

interface DisclosureProps {
  /** Content of the button. */
  label: ReactNode;
  title: string;
  className?: string;
  children: ReactNode;
}

export function Disclosure({ label, title, className, children }: DisclosureProps) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keyboard events bubble from the button inside
    <span
      className="tg-disclosure"
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
    >
      <button
        type="button"
        className={className}
        aria-expanded={open}
        aria-controls={panel}
        title={title}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        // Focusable, so that a click on its text does not close it.
        <span id={panel} className="tg-panel" role="note" tabIndex={-1}>
          {children}
        </span>
      )}
    </span>
  );
}
