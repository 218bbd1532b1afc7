// Vitals at an interval; the core sends them when asked (cloud/describe.ts).

import { describeRequest } from "../cloud/describe";
import { DescribeType } from "../cloud/protocol";
import { isDue } from "../util/clock";

let interval: u32 = 0;
let dueAt: u32 = 0;

/** @param seconds -1 once, now; 0 once, and none after it; else now and each so many seconds */
export function publishVitals(seconds: i32, now: u32): void {
  describeRequest(DescribeType.Metrics);
  if (seconds < 0) return;
  interval = seconds * 1000;
  dueAt = now + interval;
}

/** Ask for what is due. */
export function vitalsPoll(now: u32): void {
  if (!interval || !isDue(dueAt, now)) return;
  describeRequest(DescribeType.Metrics);
  dueAt = now + interval;
}
