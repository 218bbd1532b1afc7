// Log: lines of an application, at the levels that Device OS has.

import { LogLevel, logBytes } from "../util/log";

function write(level: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  logBytes(level, changetype<usize>(bytes), bytes.byteLength);
}

/** `Log.info("...")` and its siblings; where the line goes is the host's choice. */
export class Log {
  static trace(text: string): void {
    write(LogLevel.Trace, text);
  }

  static info(text: string): void {
    write(LogLevel.Info, text);
  }

  static warn(text: string): void {
    write(LogLevel.Warn, text);
  }

  static error(text: string): void {
    write(LogLevel.Error, text);
  }
}
