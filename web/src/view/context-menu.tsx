/**
 * The terminal's own menu, at the pointer, a finger or the cursor: a list of commands above everything else. Arrow keys
 * move, and Escape, Tab, a press elsewhere, a turn of the wheel and another window close it.
 */

"use client";

import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from "react";
import type { MenuCause, Place } from "../xterm/index.ts";

/** Distance to the edges of what is seen of the page, in pixels. */
const MARGIN = 4;

export interface MenuItem {
  name: string;
  /** Its keyboard shortcut, in words. */
  keys?: string | undefined;
  /** Can be read, but does nothing. */
  disabled?: boolean;
  act(): void;
}

export interface MenuRequest {
  at: Place;
  cause: MenuCause;
}

interface ContextMenuProps extends MenuRequest {
  items: readonly MenuItem[];
  /**
   * True if the focus is to be in the terminal again: not after a press elsewhere, nor after a finger's, which leaves the
   * focus where it is. The terminal's focus opens a touch keyboard, also one that was closed.
   */
  onClose: (refocus: boolean) => void;
}

export function ContextMenu({ at, cause, items, onClose }: ContextMenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  useEffect(() => {
    close.current = (refocus) => {
      const tookFocus = cause !== "touch" || menu.current?.contains(document.activeElement) === true;
      onClose(refocus && tookFocus);
    };
  });

  useLayoutEffect(() => {
    const element = menu.current;
    if (!element) return;
    // Browsers without popovers show it within the terminal.
    element.showPopover?.();
    moveTo(element, at);
    // The touch keyboard would close.
    if (cause !== "touch") focusItem(element, 0);
    return () => element.hidePopover?.();
  }, [at, cause]);

  useEffect(() => {
    const end = new AbortController();
    const options = { signal: end.signal, capture: true, passive: true };
    const isInside = (target: EventTarget | null) => target instanceof Node && menu.current?.contains(target) === true;
    const outside = ({ target }: Event) => {
      if (!isInside(target)) close.current(false);
    };
    const leave = () => close.current(true);
    // A finger leaves the focus in the terminal.
    const key = (event: Event) => {
      if (isInside(event.target)) return;
      const dismissed = (event as globalThis.KeyboardEvent).key === "Escape";
      if (dismissed) stop(event);
      close.current(dismissed);
    };
    document.addEventListener("pointerdown", outside, options);
    document.addEventListener("focusin", outside, options);
    document.addEventListener("wheel", outside, options);
    document.addEventListener("keydown", key, { ...options, passive: false });
    window.addEventListener("blur", ({ target }) => target === window && leave(), options);
    window.addEventListener("resize", leave, options);
    return () => end.abort();
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const { currentTarget: element } = event;
    const at = itemsOf(element).indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) focusItem(element, next);
    else if (event.key === "Escape" || event.key === "Tab") close.current(true);
    else return;
    // Nor does it close a dialog of the page.
    stop(event);
  };
  const choose = ({ disabled, act }: MenuItem) => {
    if (disabled) return;
    close.current(true);
    act();
  };

  return (
    <div
      ref={menu}
      className="tg-menu"
      role="menu"
      aria-label="Terminal"
      popover="manual"
      onKeyDown={onKeyDown}
      onMouseDown={(event) => event.preventDefault()}
      onContextMenu={(event) => event.preventDefault()}
    >
      {items.map((item) => (
        <button
          type="button"
          key={item.name}
          role="menuitem"
          tabIndex={-1}
          aria-disabled={item.disabled || undefined}
          onPointerEnter={(event) => event.pointerType === "mouse" && event.currentTarget.focus()}
          onClick={() => choose(item)}
        >
          <span>{item.name}</span>
          {item.keys && <kbd>{item.keys}</kbd>}
        </button>
      ))}
    </div>
  );
}

/** Below and to the right of a place; above or to the left of it where there is no room. */
function moveTo(element: HTMLElement, { clientX, clientY }: Place): void {
  const { width, height } = element.getBoundingClientRect();
  const seen = window.visualViewport;
  const left = seen?.offsetLeft ?? 0;
  const top = seen?.offsetTop ?? 0;
  const right = left + (seen?.width ?? window.innerWidth);
  const bottom = top + (seen?.height ?? window.innerHeight);
  const within = (place: number, size: number, from: number, to: number) => {
    const start = place + size + MARGIN > to ? place - size : place;
    return Math.max(from + MARGIN, Math.min(start, to - size - MARGIN));
  };
  element.style.left = `${within(clientX, width, left, right)}px`;
  element.style.top = `${within(clientY, height, top, bottom)}px`;
}

function itemsOf(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>("[role=menuitem]")];
}

/** Counts on at either end. */
function focusItem(element: HTMLElement, at: number): void {
  const items = itemsOf(element);
  items[(at + items.length) % items.length]?.focus({ preventScroll: true });
}

function stop(event: Pick<Event, "preventDefault" | "stopPropagation">): void {
  event.preventDefault();
  event.stopPropagation();
}
