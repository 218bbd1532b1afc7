// What the server says of updates, in builds with OTA: an event of the system lets them come although
// the application does not want them. They must be signed all the same.

import { equalBytes } from "../util/bytes";

/** "particle/device/updates/forced", then "true". */
// @ts-ignore: decorator
@lazy
export const FORCED_NAME: usize = memory.data<u8>([
  0x70, 0x61, 0x72, 0x74, 0x69, 0x63, 0x6c, 0x65, 0x2f, 0x64, 0x65, 0x76, 0x69, 0x63, 0x65, 0x2f,
  0x75, 0x70, 0x64, 0x61, 0x74, 0x65, 0x73, 0x2f, 0x66, 0x6f, 0x72, 0x63, 0x65, 0x64, 0x74, 0x72,
  0x75, 0x65,
]);
export const FORCED_NAME_LENGTH: i32 = 30;
const TRUE_LENGTH: i32 = 4;

let forced: bool = false;

/** Whether the server has forced updates; not kept over a start. */
export function updatesForced(): bool {
  return forced;
}

/**
 * Take an event if it is the one of forced updates.
 * @param name [in] `nameLength` bytes @param data [in] "true", or anything else for no
 * @returns whether it was
 */
export function handleForced(name: usize, nameLength: i32, data: usize, dataLength: i32): bool {
  if (nameLength != FORCED_NAME_LENGTH) return false;
  if (!equalBytes(name, FORCED_NAME, FORCED_NAME_LENGTH)) return false;
  const isTrue = dataLength == TRUE_LENGTH;
  forced = isTrue && equalBytes(data, FORCED_NAME + FORCED_NAME_LENGTH, TRUE_LENGTH);
  return true;
}
