// Lines of text for the host's log.

import { LogLevel, halLog } from "../hal";

/** @param text [in] `length` bytes of UTF-8 */
export function logBytes(level: i32, text: usize, length: i32): void {
  halLog(level, text, length);
}

export { LogLevel };
