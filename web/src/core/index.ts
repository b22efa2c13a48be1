/**
 * The framework-free client: what a page without React imports.
 */

export type { EndReason, ErrorCode, Role, Tty } from "../protocol/generated.ts";
export { TerminalClient } from "./client.ts";
export { browserClock, type Clock } from "./clock.ts";
export type { CommandResult } from "./commands.ts";
export { type ClientErrorCode, TerminalError } from "./error.ts";
export { consoleLog, type Log, type LogLevel } from "./log.ts";
export type { ClientOptions, TerminalMessage } from "./options.ts";
export type { TerminalSink } from "./sink.ts";
export { browserSocket, type Socket, type SocketFactory, type TokenIn } from "./socket.ts";
export { INITIAL_STATE, type Status, type TerminalState } from "./state.ts";
export type { TokenSource } from "./transport.ts";
