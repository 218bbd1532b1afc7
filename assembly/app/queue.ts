// `PublishQueue` and `DataPlan`: what an application asks of the publish queue and of the meter beside
// publishing. docs/queue.md and docs/meter.md tell what each means.

import {
  meterPeriod,
  meterStore,
  meterValue,
  queueCancel,
  queueFlush,
  queuePending,
  queueState,
  queueUseStorage,
  setBudget,
  setFullPolicy,
  setMaxData,
  setPacing,
  setPlan,
} from "./core";
import { PublishHandler, millis, onPublishDone } from "./raw";

export class PublishQueue {
  /**
   * Where a publish is.
   * @returns 1 queued, 2 sent, 3 acknowledged; the Status with which it failed; Status.NotFound:
   *   more than 64 publishes ago
   */
  static state(handle: i32): i32 {
    return queueState(handle);
  }

  /** Publishes that wait or are on their way. */
  static pending(): i32 {
    return queuePending();
  }

  /** Take back a publish that waits. @returns Status.Ok; Status.NotFound; Status.InvalidState */
  static cancel(handle: i32): i32 {
    return queueCancel(handle);
  }

  /**
   * Tell the host when nothing waits any more (a Flushed event), and go on at once.
   * @param timeout ms
   * @returns Status.Ok; Status.InvalidArgument
   */
  static flush(timeout: i32): i32 {
    return queueFlush(timeout, millis());
  }

  /** Be told of the end of every publish: Status.Ok, or why it failed. */
  static onDone(handler: PublishHandler): void {
    onPublishDone(handler);
  }

  /** What a publish that finds the queue full does. @param policy FullPolicy */
  static whenFull(policy: i32): i32 {
    return setFullPolicy(policy);
  }

  /** Set the pace. @param burst 1...255 @param interval ms for each further one; 0 does not pace */
  static pacing(burst: i32, interval: i32): i32 {
    return setPacing(burst, interval);
  }

  /**
   * Keep publishes that must be acknowledged in storage; before the first publish.
   * @returns how many came back from there; Status.InvalidState
   */
  static useStorage(): i32 {
    return queueUseStorage();
  }

  /** Longest data of a publish, bytes, as board and session take it. */
  static maxData(length: i32): i32 {
    return setMaxData(length);
  }
}

export class DataPlan {
  /** Set a budget of a period. @param bytes of IPv4 @param policy BudgetPolicy */
  static budget(operations: u32, bytes: u32, policy: i32): i32 {
    return setBudget(operations, bytes, policy);
  }

  /** Set the budget to a share of a plan. @param plan Plan @param policy BudgetPolicy */
  static plan(plan: i32, devices: i32, policy: i32): i32 {
    return setPlan(plan, devices, policy);
  }

  /** Begin another period by hand. */
  static period(number: u32): void {
    meterPeriod(number);
  }

  /** Keep the meter in storage, with a write each so many operations. */
  static useStorage(operations: u32): void {
    meterStore(operations);
  }

  /** A figure of the period. @param number Meter */
  static meter(number: i32): u32 {
    return meterValue(number);
  }
}
