/**
 * The framework-free client, for pages without React.
 */

export type {
  Control,
  EndReason,
  ErrorCode,
  LoanDuration,
  Notice,
  Part,
  Person,
  RaisedHand,
  Recording,
  Role,
  ShellCommand,
  Theme,
  Tty,
  Typist,
  WallSession,
} from "../protocol/generated.ts";
export type { TokenIn } from "./address.ts";
export { TerminalClient, type TypedLine } from "./client.ts";
export { browserClock, type Clock, Timer } from "./clock.ts";
export type { CommandResult } from "./commands.ts";
export { mayType } from "./control.ts";
export type { Closing } from "./end-warnings.ts";
export { type ClientErrorCode, TerminalError } from "./error.ts";
export { browserInflate, type Inflate } from "./inflate.ts";
export type { Latency } from "./latency.ts";
export { consoleLog, type Log, type LogLevel } from "./log.ts";
export type { TerminalNotice } from "./notice.ts";
export type { ClientOptions, FileMessage, TerminalMessage } from "./options.ts";
export { browserPage, type Page, type PageChange } from "./page.ts";
export { type PredictedText, type PredictMode, Predictor } from "./prediction/predictor.ts";
export type { FollowedLine, Screen } from "./prediction/screen.ts";
export type { Route } from "./route.ts";
export { browserSocket, type Socket, type SocketFactory } from "./socket.ts";
export { type Diagnostics, INITIAL_STATE, isOver, type Status, type TerminalState } from "./state.ts";
export type { InputProgress, TerminalSink } from "./terminal-sink.ts";
export { TIMES, type Times } from "./times.ts";
export { namedGroup, type ServiceAccess, type TokenSource } from "./token.ts";
export { HelpOrder, IDLE_MS } from "./wall/help-order.ts";
export { NoAnswerError, WallClient, type WallOptions, type WallState, type WallStatus } from "./wall/wall-client.ts";
export { type WallLine, WallModel, type WallScreen } from "./wall/wall-model.ts";
