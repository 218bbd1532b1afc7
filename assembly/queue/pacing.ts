// Pacing: a token bucket, because the Particle cloud takes one publish a second and four at once, and
// drops what is above. Here a publish waits for its turn; it is not refused.

import { PUBLISH_BURST, PUBLISH_INTERVAL } from "../config";
import { Status } from "../status";

let burst: u32 = PUBLISH_BURST;
let interval: u32 = PUBLISH_INTERVAL;
/** Milliseconds that have been saved up; a publish costs `interval`. */
let credit: u32 = 0;
let filledAt: u32 = 0;
/** Whether the bucket has been filled for the first time. */
let isFilled: bool = false;

/**
 * Set the pace.
 * @param publishes that may go at once, 1...255
 * @param ms for each further one, 0...3600000; 0 does not pace
 * @returns Status.Ok; Status.InvalidArgument
 */
export function setPacing(publishes: i32, ms: i32): i32 {
  if (publishes < 1 || publishes > 255 || ms < 0 || ms > 3600000) return Status.InvalidArgument;
  burst = publishes;
  interval = ms;
  isFilled = false;
  return Status.Ok;
}

/** @returns ms until a publish may go; 0 now */
export function pacingWait(now: u32): i32 {
  const full = burst * interval;
  credit = isFilled ? min(credit + min(now - filledAt, full), full) : full;
  isFilled = true;
  filledAt = now;
  return credit >= interval ? 0 : interval - credit;
}

/** A publish goes. */
export function pacingTake(): void {
  credit -= interval;
}
