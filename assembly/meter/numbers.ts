// Numbers of the meter that hosts and applications use. No state: an application module has them
// without the meter.

/** Numbers of `meterValue`. Part of the host interface. */
export const enum Meter {
  Publishes = 0,
  Deliveries = 1,
  Functions = 2,
  Variables = 3,
  /** Sum of those above. */
  Operations = 4,
  /** Publishes that went out and failed: the cloud may have counted them. */
  Unconfirmed = 5,
  Repetitions = 6,
  /** Bytes of IPv4 in both directions, low and high 32 bits. */
  Bytes = 7,
  BytesHigh = 8,
  Period = 9,
}

/** What becomes of publishes near the end of the budget. Part of the host interface. */
export const enum BudgetPolicy {
  /** Warnings only. */
  Warn = 0,
  /** From 90 % on those of low priority wait for the next period, at 100 % all but high ones. */
  Defer = 1,
  /** From 90 % on a publish replaces one of the same name that waits; at 100 % as Defer. */
  Coalesce = 2,
  /** From 90 % on those of low priority are refused, at 100 % all but high ones. */
  DropLow = 3,
  /** At 100 % nothing goes out before the next period, as the cloud itself would have it. */
  Pause = 4,
}

/** Plans of the Particle cloud, per month and for up to 100 devices. Part of the host interface. */
export const enum Plan {
  /** 100,000 operations, 100 MB. */
  Free = 1,
  /** A block: 720,000 operations, 540 MB. */
  Basic = 2,
}
