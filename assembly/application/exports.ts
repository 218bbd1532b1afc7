// The wasm exports of updates and of the application's life. The host drains after each, as after
// every input.

import { runnableArea } from "../update/apply";
import { areaCapacity } from "../update/area";
import { journalLoad } from "../update/journal";
import { Status } from "../status";

/**
 * Read the journal; after `start`, before `connect`.
 * @returns 1 when there is an application to run; 0 when not; Status.NotSupported without image areas
 */
export function update_open(now: u32): i32 {
  if (!areaCapacity(0) || !areaCapacity(1)) return Status.NotSupported;
  journalLoad();
  return runnableArea() >= 0 ? 1 : 0;
}
