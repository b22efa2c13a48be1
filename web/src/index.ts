/**
 * Termgate in the browser: the client, the hook, the xterm.js addon and the component that joins them.
 */

export * from "./core/index.ts";
export * from "./react/index.ts";
export type { TermgateHandle, TermgateTerminalProps } from "./view/handle.ts";
export { useThemeName } from "./view/media.ts";
export { OfferedCommand, type OfferedCommandProps } from "./view/offered-command.tsx";
export { TermgateTerminal } from "./view/termgate-terminal.tsx";
export { TermgateWall, type TermgateWallProps } from "./view/wall/termgate-wall.tsx";
export * from "./xterm/index.ts";
