// `System`, as far as an application module has one: its clock and the planned way to sleep.

import { queueSleep } from "../queue/flush";
import { uptime } from "../util/uptime";
import { millis } from "./raw";

/** How long the queue may take before the device sleeps all the same, ms. */
const FLUSH_TIMEOUT: i32 = 30000;

export class System {
  /**
   * Sleep once every publish is acknowledged, 30 s at most. The host wakes the device by starting it
   * again: what must outlive the sleep belongs into storage.
   * @param seconds 0 until something else wakes it
   * @param goodbye whether to tell the cloud; a short sleep is cheaper without
   * @returns Status.Ok; Status.InvalidState while going to sleep
   */
  static sleep(seconds: u32, goodbye: bool = true): i32 {
    return queueSleep(seconds, goodbye, FLUSH_TIMEOUT, millis());
  }

  /** Milliseconds since the device started, not wrapping. */
  static millis(): u64 {
    return uptime();
  }
}
