// Log: lines of an application, at the levels that Device OS has. They go to the host, and to a
// handler of the application if it has one.

import { LogLevel } from "../util/log-level";
import { logBytes } from "./core";
import { encodeText } from "./text";

let least: i32 = LogLevel.Trace;
let handler: u32 = 0;

function write(level: i32, text: string): void {
  if (level < least) return;
  const bytes = encodeText(text);
  logBytes(level, changetype<usize>(bytes), bytes.byteLength);
  if (handler) call_indirect<void>(handler, level, text);
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

  /** Leave out lines below this level: 1 trace, 30 info, 40 warn, 50 error, 60 leaves out all. */
  static level(level: i32): void {
    least = level;
  }

  /** Hand each line to a function, too; it must not log. */
  static handler(handle: (level: i32, text: string) => void): void {
    handler = handle.index;
  }
}
