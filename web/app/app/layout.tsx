/**
 * The root layout: title and style sheets. Loads nothing from other hosts.
 */

import "@xterm/xterm/css/xterm.css";
import "./style.css";
import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";

export const metadata: Metadata = {
  title: "Termgate",
  description: "A terminal in the browser",
  manifest: "/manifest.webmanifest",
  appleWebApp: { title: "Termgate" },
};
export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f6f8fa" },
    { media: "(prefers-color-scheme: dark)", color: "#161b22" },
  ],
  interactiveWidget: "resizes-content",
};

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
