// How important a line of the log is. The numbers are those of Device OS.

/** Severity of a log line. */
export const enum LogLevel {
  Trace = 1,
  Info = 30,
  Warn = 40,
  Error = 50,
}
