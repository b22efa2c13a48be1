/**
 * Termgate in the browser: the client, the hook, the xterm.js addon and a component that joins them.
 */

export * from "./core/index.ts";
export * from "./react/index.ts";
export { TerminalView, type TerminalViewProps } from "./view/terminal-view.tsx";
export * from "./xterm/index.ts";
