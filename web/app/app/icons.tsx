/**
 * The icons of the page.
 */

import type { ComponentProps } from "react";

const PATHS = {
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  share: "M8 10V2M5 5l3-3 3 3M3 9v4a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1V9",
  chat: "M3 3h10a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H8l-3 3v-3H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1Z",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  settings: "M2 5h6M12 5h2M2 11h2M8 11h6M10 3v4M6 9v4",
} as const;

export type IconName = keyof typeof PATHS;

interface IconButtonProps extends ComponentProps<"button"> {
  icon: IconName;
  /** Tooltip, and the accessible name unless `aria-label` is given. */
  title: string;
}

/** A button with an icon and optional content. */
export function IconButton({ icon, title, children, ...rest }: IconButtonProps) {
  return (
    <button type="button" className="plain" aria-label={title} title={title} {...rest}>
      <Icon name={icon} />
      {children}
    </button>
  );
}

function Icon({ name }: { name: IconName }) {
  return (
    <svg className={name === "more" ? "icon dots" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
