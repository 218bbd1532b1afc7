// The wasm exports of the build with the publish queue: those of index.ts, where `publish` goes into
// the queue, and the queue's own. Compiled with `--use WBOSON_QUEUE=1`. See docs/queue.md.

export * from "./index";

import { setPacing } from "./queue/pacing";
import { queueFlush, queueSleep } from "./queue/flush";
import {
  maxDataLength,
  queueCancel,
  queuePending,
  queueState,
  queueUseStorage,
  setFullPolicy,
  setMaxData,
} from "./queue/queue";
import { Status } from "./status";

/**
 * What a publish that finds the queue full does.
 * @param policy 0 refused (the default), 1 the oldest gives way, 2 the newest gives way
 * @returns Status.Ok; Status.InvalidArgument
 */
export function queue_policy(policy: i32): i32 {
  return setFullPolicy(policy);
}

/**
 * Set the pace: 4 publishes at once and one each 1000 ms unless set.
 * @param burst publishes at once, 1...255
 * @param interval_ms for each further one, 0...3600000; 0 does not pace
 * @returns Status.Ok; Status.InvalidArgument
 */
export function queue_pacing(burst: i32, interval_ms: i32): i32 {
  return setPacing(burst, interval_ms);
}

/**
 * Set the longest data of a publish, as board and session have it: 622, 782, 864 or 1024 bytes.
 * @returns Status.Ok; Status.InvalidArgument unless 1...1024
 */
export function set_max_event_data(length: i32): i32 {
  return setMaxData(length);
}

/** @returns longest data of a publish, bytes */
export function max_event_data(): i32 {
  return maxDataLength();
}

/**
 * Keep publishes that must be acknowledged in storage; after `start`, before the first publish.
 * @param stored 1
 * @returns publishes that were found there and wait again; Status.InvalidArgument;
 *   Status.InvalidState when something has been published
 */
export function queue_storage(stored: i32): i32 {
  return stored == 1 ? queueUseStorage() : Status.InvalidArgument;
}

/** @returns publishes that wait or are on their way */
export function queue_pending(): i32 {
  return queuePending();
}

/**
 * Where a publish is.
 * @returns 1 queued; 2 sent (without acknowledgement: for good); 3 acknowledged; the Status with
 *   which it failed; Status.NotFound: never given, or more than 64 publishes ago
 */
export function queue_state(handle: i32): i32 {
  return queueState(handle);
}

/** Take back a publish that waits. @returns Status.Ok; Status.NotFound; Status.InvalidState (sent) */
export function queue_cancel(handle: i32): i32 {
  return queueCancel(handle);
}

/**
 * Ask for a Flushed event when nothing waits any more, or the time is over.
 * @param timeout_ms 0...2147483647
 * @returns Status.Ok; Status.InvalidArgument
 */
export function queue_flush(timeout_ms: i32, now: u32): i32 {
  return queueFlush(timeout_ms, now);
}

/**
 * Sleep when nothing waits any more; a Sleep event follows when the connection is closed.
 * @param seconds told to the server and in the event; 0 until something else wakes the device
 * @param goodbye 0 tells the server nothing, which saves two datagrams
 * @param timeout_ms that the queue may take, 0...2147483647
 * @returns Status.Ok; Status.InvalidArgument; Status.InvalidState while going to sleep
 */
export function sleep(seconds: u32, goodbye: i32, timeout_ms: i32, now: u32): i32 {
  return queueSleep(seconds, goodbye != 0, timeout_ms, now);
}
