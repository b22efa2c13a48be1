/**
 * Console log lines, which operators search for. Never a token, a keystroke or output.
 */

/** Each level includes those before it. */
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

const LEVELS: readonly LogLevel[] = ["silent", "error", "warn", "info", "debug"];

export interface Log {
  error(line: string): void;
  warn(line: string): void;
  info(line: string): void;
  debug(line: string): void;
}

/** Logs to the console, up to a level. */
export function consoleLog(level: LogLevel, out: Log = console): Log {
  const most = LEVELS.indexOf(level);
  const line = (at: Exclude<LogLevel, "silent">) => (text: string) => {
    if (LEVELS.indexOf(at) <= most) out[at](`[Terminal] ${text}`);
  };
  return { error: line("error"), warn: line("warn"), info: line("info"), debug: line("debug") };
}
