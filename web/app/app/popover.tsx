/**
 * A button with a popover. Escape, a click outside and moving the focus away close it.
 */

"use client";

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { IconButton, type IconName } from "./icons.tsx";

interface PopoverProps {
  label: string;
  icon: IconName;
  className?: string;
  children: (close: () => void) => ReactNode;
}

export function Popover({ label, icon, className = "", children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();

  useEffect(() => {
    if (!open) return;
    const end = new AbortController();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside, { signal: end.signal });
    document.addEventListener("focusin", outside, { signal: end.signal });
    document.addEventListener("keydown", leave, { signal: end.signal });
    return () => end.abort();
  }, [open]);

  return (
    <div className={`popover ${className}`} ref={root}>
      <IconButton
        ref={button}
        icon={icon}
        title={label}
        aria-expanded={open}
        aria-controls={panel}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <section id={panel} className="popover-panel" aria-label={label}>
          {children(() => setOpen(false))}
        </section>
      )}
    </div>
  );
}
