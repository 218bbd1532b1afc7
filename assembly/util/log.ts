// Lines of text for the host's log.

import { halLog } from "../hal";

/** @param level LogLevel @param text [in] `length` bytes of UTF-8 */
export function logBytes(level: i32, text: usize, length: i32): void {
  halLog(level, text, length);
}
