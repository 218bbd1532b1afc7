// The wasm exports of the build with the publish queue: those of index.ts, where `publish` goes into
// the queue, and the queue's own. Compiled with `--use WBOSON_QUEUE=1`. See docs/queue.md.

export * from "./index";

import { setPacing } from "./queue/pacing";
import { diagnosis as currentDiagnosis, lastEnd } from "./queue/diagnosis";
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
import { setBudget, setPlan } from "./meter/budget";
import { ledgerValue } from "./meter/ledger";
import { meterPeriod, meterStore, meterValue } from "./meter/operations";
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

// ---- data operations and bytes ----------------------------------------------------------------

/**
 * Keep the meter in storage, from what was counted before on; after `start`.
 * @param operations one write each so many; a power cut loses at most as many. 1...65535
 * @returns Status.Ok; Status.InvalidArgument
 */
export function meter_storage(operations: i32): i32 {
  if (operations < 1 || operations > 0xffff) return Status.InvalidArgument;
  meterStore(operations);
  return Status.Ok;
}

/**
 * Name the period; another one than before begins with empty counters. The time of the cloud does it
 * by itself: months since January 1970, which is 1.
 * @returns Status.Ok; Status.InvalidArgument unless 1 or more
 */
export function meter_period(period: i32): i32 {
  if (period < 1) return Status.InvalidArgument;
  meterPeriod(period);
  return Status.Ok;
}

/** @param number Meter @returns the figure of the period, 32 bits without sign; 0 for another */
export function meter(number: i32): u32 {
  return meterValue(number);
}

/**
 * What the datagrams since the start were for.
 * @param cause Cause
 * @param field 0 bytes up, 1 datagrams up, 2 bytes down, 3 datagrams down; UDP payload
 * @returns the figure, 32 bits without sign; 0 for other numbers
 */
export function ledger(cause: i32, field: i32): u32 {
  return ledgerValue(cause, field);
}

/**
 * Set the budget of a period.
 * @param operations 0 for no limit
 * @param bytes of IPv4, 0 for no limit
 * @param policy 0 warn, 1 defer, 2 coalesce, 3 drop low priority, 4 pause
 * @returns Status.Ok; Status.InvalidArgument
 */
export function budget(operations: u32, bytes: u32, policy: i32): i32 {
  return setBudget(operations, bytes, policy);
}

/**
 * Set the budget to this device's share of a plan.
 * @param plan 1 free: 100,000 operations and 100 MB; 2 basic: 720,000 and 540 MB
 * @param devices that share it, 1...100
 * @param policy as `budget`
 * @returns Status.Ok; Status.InvalidArgument
 */
export function budget_plan(plan: i32, devices: i32, policy: i32): i32 {
  return setPlan(plan, devices, policy);
}

// ---- diagnosis --------------------------------------------------------------------------------

/** @returns why there is no connection, as far as the device can tell: Diagnosis */
export function diagnosis(): i32 {
  return currentDiagnosis();
}

/**
 * Why a connection ended.
 * @param back 0 the last one, up to 7
 * @returns `Reason | (Status & 255) << 8`; 0 for none
 */
export function last_end(back: i32): i32 {
  return lastEnd(back);
}
